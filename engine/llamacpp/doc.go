// Package llamacpp answers requests with a GGUF model through llama.cpp.
//
// The libraries are opened at run time (internal/llama); a model file that could make
// native code crash is refused in Go first (internal/gguf); grammars are followed by
// internal/grammar, and the model's chat template is rendered by internal/chat;
// internal/sched batches all requests into one context and reuses earlier prompts;
// internal/runner puts these together. Since native code can still end its process, the
// runner lives in a worker process by default (internal/worker): the same binary,
// re-executed by [MaybeWorker], which dies alone and is started again.
//
// [Engine.Generate] runs on the daemon's worker goroutines, one a request. Tokens are
// offered to the client where a step's events arrive; what finds no room there goes into
// the request's mailbox, so that a slow client never holds up a step. The package does no
// network I/O and never downloads anything.
package llamacpp
