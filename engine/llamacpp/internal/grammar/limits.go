package grammar

const (
	// MaxBytes and MaxAlternatives are what this engine takes.
	MaxBytes        = 64 << 10
	MaxAlternatives = 4096
	// maxTokenName bounds the text of a reference to a token, in bytes.
	maxTokenName = 4096
	// MaxDepth bounds nested parentheses.
	MaxDepth = 64
	// maxRules bounds the rules with a name.
	maxRules = 4096
	// maxRepeat bounds one {m,n}, as in llama.cpp.
	maxRepeat = 2000
	// maxElements bounds the elements after repetitions are written out: a MaxBytes of
	// words has 65,000.
	maxElements = 100_000

	// Work is counted in looks at a state that waits for a character, and following a
	// reading to another state counts as workPerState of them: 3 to 20 ns each.
	workPerState = 32
	// workPerToken is what a request may use for each of its tokens, and maxWork what it
	// may have saved up for one of them.
	workPerToken = 2_000_000
	maxWork      = 16_000_000
	// workPerEntry is what a walk through the vocabulary may use besides for each of its
	// tokens. One takes 25 to 60 ms for 200,000 tokens where most of them can follow, and
	// 8 to 11 for each in the string of a JSON schema.
	workPerEntry = 20
	// maxHeld bounds what a request remembers of rules begun and not ended, and of where
	// to go on after them: 20 to 60 bytes each. JSON takes some five for each level.
	maxHeld = 200_000
	// maxSettled bounds the same of what is remembered to put it in the place of others.
	// It is forgotten together when there is more.
	maxSettled = 20_000
	// maxEdgeItems is up to how many items of a set it is remembered what follows which
	// of them, one bit for each.
	maxEdgeItems = 64
	// maxDirect is up to how many items are asked one after another whether a character
	// can follow.
	maxDirect = 8
	// maxKeptEntries is from how many entries on a map is made anew and not emptied.
	maxKeptEntries = 1000
)
