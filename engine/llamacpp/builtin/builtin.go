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
	Answer string // the whole answer, byte for byte
}

// Questions returns a few prompts that the model answers exactly as said when
// sampling is greedy (temperature 0), for the README and end-to-end tests. The
// tests here hold the model to them; heldout.jsonl has hundreds more.
func Questions() []Question {
	return []Question{
		{"What is the capital of France?", "The capital of France is Paris."},
		{"What colour is the sky?", "The sky is blue."},
		{"What is 12 + 7?", "12 + 7 = 19"},
		{"What day comes after Monday?", "Tuesday comes after Monday."},
		{"Spell house.", "House is spelled h-o-u-s-e."},
		{"How do you say cheese in German?", "Cheese in German is Käse."},
		{"Count from 3 to 9.", "3, 4, 5, 6, 7, 8, 9."},
		{
			"Anna is 7 years old. Answer in JSON with name and age.",
			`{"name": "Anna", "age": 7}`,
		},
	}
}
