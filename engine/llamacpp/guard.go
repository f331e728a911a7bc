package llamacpp

import (
	"strings"

	"inferd/engine"
)

// Limits of a request's grammar.
const (
	maxGrammarBytes        = 64 << 10
	maxGrammarAlternatives = 4096
)

// checkRequest refuses what native code must not see. Sizes of prompts are
// checked where the context's size is known.
func checkRequest(req *engine.Request) error {
	switch {
	case len(req.Grammar) > maxGrammarBytes:
		return engine.Errorf(engine.Invalid, "grammar of %d bytes exceeds %d", len(req.Grammar), maxGrammarBytes)
	case strings.Count(req.Grammar, "|") > maxGrammarAlternatives:
		return engine.Errorf(engine.Invalid, "grammar has more than %d alternatives", maxGrammarAlternatives)
	}
	return nil
}
