package openaicompat

import (
	"context"
	"encoding/json"
	"io"

	"inferd/engine"
)

// embedRequest is the body of POST /v1/embeddings.
type embedRequest struct {
	Model          string   `json:"model"`
	Input          []string `json:"input"`
	Dimensions     uint32   `json:"dimensions,omitempty"`
	EncodingFormat string   `json:"encoding_format"`
}

// Embeddings is the answer to Embed.
type Embeddings struct {
	Vectors [][]float32 // one for each input, in their order, all of one length
	Model   string      // what the upstream calls it
	Tokens  uint32      // of all inputs; 0 if the upstream doesn't say
}

// Embed turns each input into a vector of the given dimensions, 0 for the
// model's own. It fails as a whole, with an *engine.Error or ctx's error.
func (e *Engine) Embed(
	ctx context.Context, inputs []string, dimensions uint32,
) (Embeddings, error) {
	body, err := encode(embedRequest{
		Model: e.options.Model, Input: inputs, Dimensions: dimensions, EncodingFormat: "float",
	})
	if err != nil {
		return Embeddings{}, err
	}
	x, err := e.begin(ctx)
	if err != nil {
		return Embeddings{}, err
	}
	defer x.end()
	answer, err := x.post("/v1/embeddings", body)
	if err != nil {
		return Embeddings{}, err
	}
	defer answer.Close()
	data, err := io.ReadAll(answer)
	if err != nil {
		return Embeddings{}, x.failure(err)
	}
	return e.embeddings(data, len(inputs), dimensions)
}

// embeddings reads and checks an answer: a server that leaves one out or mixes
// lengths would silently poison somebody's index.
func (e *Engine) embeddings(data []byte, inputs int, dimensions uint32) (Embeddings, error) {
	var answer struct {
		Data  vectors         `json:"data"`
		Model string          `json:"model"`
		Usage chatUsage       `json:"usage"`
		Error json.RawMessage `json:"error"`
	}
	answer.Data.inputs = inputs
	wrong := func(text string) (Embeddings, error) {
		return Embeddings{}, engine.Errorf(engine.Unavailable, "upstream's embeddings are wrong: %s",
			text)
	}
	if json.Unmarshal(data, &answer) != nil {
		return wrong("not the JSON that was expected")
	}
	if text, kind, is := e.reportedError(answer.Error); is {
		return Embeddings{}, &engine.Error{Kind: kind, Text: text}
	}
	if answer.Data.count != inputs {
		return wrong("not one vector for each input")
	}
	result := Embeddings{
		Vectors: make([][]float32, inputs),
		Model:   e.presentable(answer.Model),
		Tokens:  uint32(answer.Usage.PromptTokens),
	}
	for _, d := range answer.Data.list {
		switch {
		case d.Index < 0 || d.Index >= inputs || result.Vectors[d.Index] != nil:
			return wrong("an index is out of range or given twice")
		case len(d.Embedding) == 0 || len(d.Embedding) != len(answer.Data.list[0].Embedding):
			return wrong("vectors differ in length or are empty")
		case dimensions != 0 && len(d.Embedding) != int(dimensions):
			return wrong("vectors do not have the dimensions asked for")
		}
		result.Vectors[d.Index] = d.Embedding
	}
	return result, nil
}

// vectors are the elements of an array, if there is one for each input.
type vectors struct {
	inputs, count int
	list          []vector
}

type vector struct {
	Index     int       `json:"index"`
	Embedding []float32 `json:"embedding"`
}

// UnmarshalJSON counts first, which takes no memory: 64 MiB of "{}," would be
// gigabytes of vectors.
func (v *vectors) UnmarshalJSON(data []byte) error {
	var elements []struct{}
	if err := json.Unmarshal(data, &elements); err != nil {
		return err
	}
	if v.count = len(elements); v.count != v.inputs {
		return nil
	}
	return json.Unmarshal(data, &v.list)
}
