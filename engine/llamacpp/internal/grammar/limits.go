package grammar

const (
	// MaxBytes and MaxAlternatives are the limits of the wire.
	MaxBytes        = 64 << 10
	MaxAlternatives = 4096
	// MaxDepth bounds nested parentheses.
	MaxDepth = 64
	// maxRules bounds the rules with a name.
	maxRules = 4096
	// maxRepeat bounds one {m,n}, as in llama.cpp.
	maxRepeat = 2000
	// maxElements bounds the elements after repetitions are written out: a MaxBytes of
	// words has 65,000.
	maxElements = 100_000

	// Work is counted in looks at a state that waits for a character, which take some
	// 10 ns each, and following a reading to another state counts as workPerState of them.
	// A walk through 200,000 tokens, as it is needed for a token where the one that the
	// model would choose is not allowed, takes up to 2,000,000 (a JSON schema's string).
	workPerState = 32
	// workPerToken is what a request may use for each of its tokens, and maxWork what it
	// may have saved up for one of them.
	workPerToken = 2_000_000
	maxWork      = 16_000_000
	// maxHeld bounds what a request remembers of rules begun and not ended, and of where
	// to go on after them: 20 to 60 bytes each. JSON takes some five for each level.
	maxHeld = 200_000
)
