package codec

import (
	"fmt"
	"unsafe"
)

// The roles of a message, as the wire spells them.
const (
	roleSystem    = "system"
	roleUser      = "user"
	roleAssistant = "assistant"
)

// The defaults that a decoded Request has where its line has no value or null.
const (
	defaultTemperature = 1.0
	defaultTopP        = 0.95
	defaultTopK        = 64
	defaultMaxTokens   = 1000
)

// Message is one turn of a conversation. A decoded Role is one of the constants
// "system", "user" and "assistant" and never points into the line.
type Message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// Request is one v1 request with every default filled in. The numbers are not
// range-checked beyond their type. The tags are the wire's names, see fields.go.
type Request struct {
	ID                  string    `json:"id"` // opaque; echoed on every frame
	Messages            []Message `json:"messages"`
	Temperature         float64   `json:"temperature"`
	TopP                float64   `json:"top_p"`
	TopK                uint32    `json:"top_k"`
	MaxTokens           uint32    `json:"max_tokens"`
	Stream              bool      `json:"stream"`
	ImageTokenBudget    uint32    `json:"image_token_budget"`
	HasImageTokenBudget bool      `json:"-"`
	Grammar             string    `json:"grammar"` // GBNF; empty means none
}

// setDefaults makes r an empty request around the array messages.
func (r *Request) setDefaults(messages []Message) {
	*r = Request{
		Messages:    messages[:0],
		Temperature: defaultTemperature,
		TopP:        defaultTopP,
		TopK:        defaultTopK,
		MaxTokens:   defaultMaxTokens,
		Stream:      true,
	}
}

// Validate checks what a decoded request asks for. Its error is an
// [*InvalidError]; the request's connection stays open.
func (r *Request) Validate() error {
	if len(r.Messages) == 0 {
		return errNoMessages
	}
	if !r.HasImageTokenBudget {
		return nil
	}
	switch r.ImageTokenBudget {
	case 70, 140, 280, 560, 1120:
		return nil
	}
	return &InvalidError{fmt.Sprintf(
		"invalid request: image_token_budget %d not in [70, 140, 280, 560, 1120]",
		r.ImageTokenBudget)}
}

var errNoMessages = &InvalidError{"invalid request: messages must not be empty"}

// MoveTo makes r independent of its line: its strings are packed into buf, which
// is grown if needed and returned, and from then on point there. What buf held
// before is gone. With a large enough buf it allocates nothing.
func (r *Request) MoveTo(buf []byte) []byte {
	size := len(r.ID) + len(r.Grammar)
	for i := range r.Messages {
		size += len(r.Messages[i].Content)
	}
	if cap(buf) < size {
		buf = make([]byte, 0, size)
	}
	buf = buf[:0]
	r.ID, buf = pack(buf, r.ID)
	r.Grammar, buf = pack(buf, r.Grammar)
	for i := range r.Messages {
		m := &r.Messages[i] // its role is a constant
		m.Content, buf = pack(buf, m.Content)
	}
	return buf
}

// pack appends s to buf, which has room for it, and returns the copy as a string.
//
// The string aliases buf: sound because nothing writes to those bytes again
// before the owner reuses buf, when the Request's strings are dead too.
func pack(buf []byte, s string) (string, []byte) {
	if s == "" {
		return "", buf
	}
	start := len(buf)
	buf = append(buf, s...)
	return unsafe.String(&buf[start], len(s)), buf
}

// constantRole is role as a constant, so that it pins no line; anything but a
// role gives "".
func constantRole(role string) string {
	switch role {
	case roleUser:
		return roleUser
	case roleAssistant:
		return roleAssistant
	case roleSystem:
		return roleSystem
	}
	return ""
}

// messagesFor returns an empty array for n messages: old, wiped, if it is large
// enough and not so large that one long conversation would be paid for ever after.
func messagesFor(old []Message, n int) []Message {
	if n > cap(old) || (cap(old) > maxKeptMessages && n <= maxKeptMessages) {
		return make([]Message, 0, max(n, 4))
	}
	for i := range old { // clear would cost 10 ns to begin with
		old[i].Role, old[i].Content = "", "" // what they point to may be freed
	}
	return old[:0]
}
