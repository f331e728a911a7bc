package builtin

import _ "embed"

const (
	// Name is what the model is called in logs, metrics and model lists.
	Name = "inferd-tiny"

	// Note says what the model is wherever it is offered.
	Note = "a toy model to see the daemon work, not an assistant"
)

//go:embed model.gguf
var model []byte

// Bytes returns the GGUF file. The slice is shared: callers must not write to it.
func Bytes() []byte { return model }

// Question is a prompt whose right answer is known.
type Question struct {
	Prompt string // one user message, sent without a system message
	Answer string // the whole greedy answer, byte for byte
}

// Questions returns prompts that the model answers as said when sampling is greedy
// (temperature 0). None of them was part of its training text in this wording.
func Questions() []Question {
	return []Question{
		{"What is the capital of France?", "The capital of France is Paris."},
	}
}
