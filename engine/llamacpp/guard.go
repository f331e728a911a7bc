package llamacpp

import (
	"inferd/engine"
	"inferd/engine/llamacpp/internal/grammar"
)

// checkRequest refuses a bad grammar before a worker has to. Sizes of prompts are
// checked where the context's size is known.
func checkRequest(req *engine.Request) error {
	if req.Grammar == "" {
		return nil
	}
	if err := grammar.Check(req.Grammar); err != nil {
		return engine.Errorf(engine.Invalid, "%s", err.Error())
	}
	return nil
}
