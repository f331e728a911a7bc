package grammar

const (
	// MaxBytes and MaxAlternatives are the limits of the wire.
	MaxBytes        = 64 << 10
	MaxAlternatives = 4096
	// MaxDepth bounds nested parentheses.
	MaxDepth = 64
	// maxRules bounds how long a chain of references can get.
	maxRules = 4096
	// maxRepeat bounds one {m,n}; llama.cpp has the same limit.
	maxRepeat = 2000
	// maxElements bounds the elements after repetitions are written out.
	maxElements = 200_000
)
