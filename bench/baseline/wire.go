package baseline

import (
	"fmt"
	"strings"
)

// tokens is the number of tokens in every answer, as with the daemon's
// --mock-tokens 8.
const tokens = 8

// The objects of the v1 wire, for servers that decode and encode by reflection.
type (
	message struct {
		Role    string `json:"role"`
		Content string `json:"content"`
	}
	request struct {
		ID        string    `json:"id"`
		Messages  []message `json:"messages"`
		MaxTokens uint32    `json:"max_tokens"`
	}
	tokenFrame struct {
		Type    string `json:"type"`
		ID      string `json:"id"`
		Content string `json:"content"`
	}
	usage struct {
		PromptTokens     uint32 `json:"prompt_tokens"`
		CompletionTokens uint32 `json:"completion_tokens"`
	}
	doneFrame struct {
		Type       string `json:"type"`
		ID         string `json:"id"`
		Content    string `json:"content"`
		Usage      usage  `json:"usage"`
		StopReason string `json:"stop_reason"`
		Backend    string `json:"backend"`
	}
)

// texts are the tokens t0 … t7.
var texts = func() (t [tokens]string) {
	for i := range t {
		t[i] = fmt.Sprintf("t%d", i)
	}
	return t
}()

// whole is the text of all tokens.
var whole = strings.Join(texts[:], "")

func newToken(id string, i int) *tokenFrame {
	return &tokenFrame{Type: "token", ID: id, Content: texts[i]}
}

func newDone(id string) *doneFrame {
	return &doneFrame{
		Type: "done", ID: id, Content: whole, Usage: usage{CompletionTokens: tokens},
		StopReason: "end", Backend: "mock",
	}
}

// cannedID is the id in canned answers: that of the load generator's requests.
const cannedID = "bench"

// cannedAnswer gives the nine lines that a server which decodes would send.
func cannedAnswer() [][]byte {
	lines := make([][]byte, 0, tokens+1)
	for _, text := range texts {
		lines = append(lines,
			fmt.Appendf(nil, `{"type":"token","id":%q,"content":%q}`+"\n", cannedID, text))
	}
	return append(lines, fmt.Appendf(nil,
		`{"type":"done","id":%q,"content":%q,"usage":{"prompt_tokens":0,"completion_tokens":%d},`+
			`"stop_reason":"end","backend":"mock"}`+"\n", cannedID, whole, tokens))
}

// cannedRefusal gives the one line of a full queue.
func cannedRefusal() [][]byte {
	return [][]byte{fmt.Appendf(nil,
		`{"type":"error","id":%q,"code":"queue_full","message":"queue full",`+
			`"retry_after_ms":100,"active":1,"queued":0}`+"\n", cannedID)}
}
