package llamacpp

import "inferd/engine/llamacpp/internal/worker"

const (
	// DefaultCtx is the context length of a request, in tokens.
	DefaultCtx = 8192
	// MaxParallel is the most sequences llama.cpp keeps in one context.
	MaxParallel = 256
	// DefaultLoad is how long a model may take to load.
	DefaultLoad = worker.DefaultLoad
	// DefaultSeed makes answers repeatable while the wire has no seed.
	DefaultSeed = 0xDEADBEEF
)

// A request's mailbox holds what its client has not taken yet: at most one piece
// (4 KiB, as a rule under 16 bytes) for each token that fits the context. So it
// needs no limit of its own, and a slow reader costs memory, never a step.
