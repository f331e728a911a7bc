// Package engine holds the contract between the daemon and whatever computes
// tokens, and the worker pool that runs requests against it.
//
// An [Engine] is one way to answer a request; each lives in a sub-package
// (mock, openaicompat, llamacpp). The [Pool] owns the worker goroutines, one a
// permit: a request runs on exactly one worker from its first step to its last,
// and the worker is back in the pool only when the engine has really stopped.
//
// The package does no socket I/O and knows no wire format; it never imports loop.
package engine
