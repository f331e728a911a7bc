package openaicompat

import (
	"bytes"
	"encoding/json"

	"inferd/engine"
)

// chatRequest is the body of POST /v1/chat/completions.
type chatRequest struct {
	Model         string        `json:"model"`
	Messages      []chatMessage `json:"messages"`
	Stream        bool          `json:"stream"`
	StreamOptions streamOptions `json:"stream_options"`
	Temperature   float64       `json:"temperature"`
	TopP          float64       `json:"top_p"`
	MaxTokens     uint32        `json:"max_tokens"`
	TopK          *uint32       `json:"top_k,omitempty"`
	Grammar       string        `json:"grammar,omitempty"`
}

type chatMessage struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

type streamOptions struct {
	IncludeUsage bool `json:"include_usage"`
}

// chatBody encodes req. The result shares no memory with it: net/http may
// still be sending when Generate has returned.
func (e *Engine) chatBody(req *engine.Request) ([]byte, error) {
	if req.Grammar != "" && !e.options.PassGrammar {
		return nil, engine.Errorf(engine.Invalid,
			"grammar is not supported by this backend: leave it out or use a local model")
	}
	body := chatRequest{
		Model:         e.options.Model,
		Messages:      make([]chatMessage, len(req.Messages)),
		Stream:        true,
		StreamOptions: streamOptions{IncludeUsage: true},
		Temperature:   max(req.Temperature, 0), // below 0 means greedy here, an error there
		TopP:          req.TopP,
		MaxTokens:     req.MaxTokens,
		Grammar:       req.Grammar,
	}
	for i, m := range req.Messages {
		body.Messages[i] = chatMessage(m)
	}
	if e.options.PassTopK {
		topK := req.TopK
		body.TopK = &topK
	}
	return encode(body)
}

// encode is json.Marshal without the escapes that only HTML needs.
func encode(v any) ([]byte, error) {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, engine.Errorf(engine.Internal, "request cannot be encoded for the upstream")
	}
	return buffer.Bytes(), nil
}
