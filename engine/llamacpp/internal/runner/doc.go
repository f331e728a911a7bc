// Package runner is one loaded model at work: library, chat template, tokeniser
// and scheduler together. The engine runs it either in the daemon's own process
// or, as a rule, in a worker process; it is the same code in both.
//
// Start tokenises on the caller's goroutine; computing happens on the
// scheduler's, which [Runner.Run] is. Output leaves through the events callback.
package runner
