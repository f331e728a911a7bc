package grammar

const (
	// MaxBytes and MaxAlternatives are the limits of the wire.
	MaxBytes        = 64 << 10
	MaxAlternatives = 4096
	// MaxDepth bounds nested parentheses.
	MaxDepth = 64
	// maxRules bounds the rules with a name.
	maxRules = 4096
	// maxWays bounds how many ways there are from any place of a grammar to the next
	// character; a choice of MaxAlternatives words has as many.
	maxWays = 20_000
	// maxMemory bounds what llama.cpp has to remember on these ways, in words.
	maxMemory = 1 << 20
	// maxRepeat bounds one {m,n}; llama.cpp has the same limit.
	maxRepeat = 2000
	// maxElements bounds the elements after repetitions are written out.
	maxElements = 200_000
)
