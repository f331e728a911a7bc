package openaicompat

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"

	"inferd/codec"
	"inferd/engine"
)

// chatChunk is one event of a stream or, with Message for Delta, a whole
// answer. Unknown members are ignored: every server has some.
type chatChunk struct {
	// Choices holds the first, which is the only one asked for; nil if there is
	// none. encoding/json skips what an array has no room for, where a slice would
	// make gigabytes of 64 MiB of "{},".
	Choices [1]*chatChoice  `json:"choices"`
	Usage   *chatUsage      `json:"usage"`
	Error   json.RawMessage `json:"error"`
}

type chatChoice struct {
	Delta        chatText `json:"delta"`
	Message      chatText `json:"message"`
	FinishReason string   `json:"finish_reason"` // null until the end
}

// chatUsage takes what it understands: an answer is worth more than its statistics.
type chatUsage struct {
	PromptTokens        count `json:"prompt_tokens"`
	CompletionTokens    count `json:"completion_tokens"`
	PromptTokensDetails struct {
		CachedTokens count `json:"cached_tokens"`
	} `json:"prompt_tokens_details"`
}

// UnmarshalJSON never fails.
func (u *chatUsage) UnmarshalJSON(data []byte) error {
	type strict chatUsage
	_ = json.Unmarshal(data, (*strict)(u)) // goes on behind a member of another type
	return nil
}

// chatText is what a model has said. Reasoning models think aloud in members of
// their own, which the v1 wire has no place for; it counts as a sign of life.
type chatText struct {
	Content          string   `json:"content"`
	Reasoning        anything `json:"reasoning"`
	ReasoningContent anything `json:"reasoning_content"`
}

func (t *chatText) thinking() bool { return bool(t.Reasoning || t.ReasoningContent) }

// anything is whether a member of whatever type says something.
type anything bool

// UnmarshalJSON never fails.
func (a *anything) UnmarshalJSON(data []byte) error {
	*a = string(data) != "null" && string(data) != `""`
	return nil
}

// count is a number of tokens, which some servers write as 12.0; what is no number
// counts as none.
type count uint32

// UnmarshalJSON never fails.
func (c *count) UnmarshalJSON(data []byte) error {
	*c = 0
	if n, err := strconv.ParseFloat(string(data), 64); err == nil && n >= 0 && n <= math.MaxUint32 {
		*c = count(n)
	}
	return nil
}

// generation reads one answer into one sink.
type generation struct {
	exchange *exchange
	out      engine.Sink

	told      bool // the sink has got a token
	finish    string
	usage     engine.Usage
	badEvents int
	usual     codec.ChunkDecoder // of most events, without an allocation
}

// read runs to the answer's end. An answer can be one JSON object although a
// stream was asked for; its first byte tells, where content types lie.
func (g *generation) read(answer io.Reader) (engine.Result, error) {
	source := bufio.NewReader(answer)
	first, err := peekText(source)
	switch {
	case err == io.EOF:
		return engine.Result{}, g.brokeOff("upstream's answer is empty")
	case err != nil:
		return engine.Result{}, g.failure(err)
	case first == '{':
		return g.readObject(source)
	case first == '<':
		return engine.Result{}, g.brokeOff("upstream answered with a web page: check base_url")
	}
	return g.readEvents(source)
}

// peekText skips white space and shows the byte behind it.
func peekText(source *bufio.Reader) (byte, error) {
	for {
		b, err := source.ReadByte()
		if err != nil {
			return 0, err
		}
		if b != ' ' && b != '\t' && b != '\r' && b != '\n' {
			return b, source.UnreadByte()
		}
	}
}

func (g *generation) readEvents(source *bufio.Reader) (engine.Result, error) {
	events := newEventReader(source)
	for {
		g.exchange.waiting()
		data, err := events.next()
		g.exchange.received()
		switch {
		case err == io.EOF && g.finish != "":
			return g.result(), nil
		case err == io.EOF:
			return engine.Result{}, g.brokeOff("upstream ended the stream before the answer's end")
		case err != nil:
			return engine.Result{}, g.failure(err)
		}
		done, err := g.event(data)
		if err != nil {
			return engine.Result{}, err
		}
		if done {
			g.drain(source)
			return g.result(), nil
		}
	}
}

// event takes one event's data and reports whether it was the last. A server
// that leaves out the blank lines makes one event of many lines.
func (g *generation) event(data []byte) (done bool, err error) {
	if bytes.IndexByte(data, '\n') < 0 || json.Valid(data) {
		return g.object(data)
	}
	for line := range bytes.SplitSeq(data, []byte("\n")) {
		if done, err = g.object(line); done || err != nil {
			break
		}
	}
	return done, err
}

func (g *generation) object(data []byte) (done bool, err error) {
	data = bytes.TrimSpace(data)
	switch {
	case len(data) == 0:
		return false, nil
	case string(data) == "[DONE]":
		return true, nil
	}
	if chunk, ok := g.usual.Decode(data); ok {
		return false, g.piece(chunk.Text, chunk.Thinking)
	}
	var chunk chatChunk
	err = json.Unmarshal(data, &chunk)
	if err == nil {
		return false, g.chunk(&chunk)
	}
	_, mistyped := errors.AsType[*json.UnmarshalTypeError](err)
	if mistyped && (data[0] == '{' || data[0] == '[') {
		// What is JSON but no chunk as we know it may hold text: without it the
		// answer would have a hole that nobody sees.
		return false, g.brokeOff("upstream sent an event that is not of the form of a chunk")
	}
	g.badEvents++
	g.exchange.engine.log.Warn("upstream sent an event that is no chunk; skipped",
		"bytes", len(data), "skipped", g.badEvents)
	if g.badEvents >= maxBadEvents {
		return false, g.brokeOff("upstream sent too many events that are no chunks")
	}
	return false, nil
}

func (g *generation) chunk(c *chatChunk) error {
	if text, kind, is := g.exchange.engine.reportedError(c.Error); is {
		return g.refuse(kind, text)
	}
	if u := c.Usage; u != nil {
		g.usage = engine.Usage{
			PromptTokens:       uint32(u.PromptTokens),
			CompletionTokens:   uint32(u.CompletionTokens),
			CachedPromptTokens: uint32(min(u.PromptTokensDetails.CachedTokens, u.PromptTokens)),
		}
	}
	choice := c.Choices[0]
	if choice == nil {
		return nil
	}
	if choice.FinishReason != "" {
		g.finish = choice.FinishReason
	}
	return g.piece([]byte(choice.Delta.Content), choice.Delta.thinking())
}

// piece takes a piece of the answer, which may be empty. Its text, whole and valid
// UTF-8, goes to the sink.
func (g *generation) piece(text []byte, thinking bool) error {
	if len(text) > 0 || thinking || g.finish != "" {
		g.exchange.progressed()
	}
	if len(text) == 0 {
		return nil
	}
	if err := g.exchange.caller.Err(); err != nil {
		return err
	}
	g.told = true
	// Whether more of the answer has come already does not say that it holds text.
	return g.out.Token(text, false)
}

// readObject takes an answer that is not a stream.
func (g *generation) readObject(source io.Reader) (engine.Result, error) {
	data, err := io.ReadAll(source)
	if err != nil {
		return engine.Result{}, g.failure(err)
	}
	var answer chatChunk
	if err := json.Unmarshal(data, &answer); err != nil {
		return engine.Result{}, g.brokeOff("upstream's answer is not a chat completion")
	}
	choice := answer.Choices[0]
	if choice == nil && len(answer.Error) == 0 {
		return engine.Result{}, g.brokeOff("upstream's answer is not a chat completion")
	}
	if choice != nil && choice.Message.Content != "" {
		choice.Delta = choice.Message // with both it is the same text
	}
	if err := g.chunk(&answer); err != nil {
		return engine.Result{}, err
	}
	return g.result(), nil
}

// result is what a completed answer amounts to.
func (g *generation) result() engine.Result {
	stop := engine.StopEnd // stop, tool_calls, content_filter and whatever else
	switch g.finish {
	case "length":
		stop = engine.StopLength
	case "":
		stop = engine.StopError // it said it was done, but not why
	}
	return engine.Result{Stop: stop, Usage: g.usage}
}

// drain reads to the answer's end, which usually has come with the last event:
// then the connection can serve the next request.
func (g *generation) drain(source io.Reader) {
	limit := g.exchange.deadline(drainTimeout, "upstream did not end its answer within %v")
	defer limit.Stop()
	_, _ = io.CopyN(io.Discard, source, drainBytes) // the answer is complete without it
}

// failure is exchange.failure in the form that fits what the client has.
func (g *generation) failure(err error) error {
	err = g.exchange.failure(err)
	if refusal, ok := err.(*engine.Error); ok {
		return g.refuse(refusal.Kind, refusal.Text)
	}
	return err
}

func (g *generation) brokeOff(text string) error { return g.refuse(engine.Unavailable, text) }

// refuse ends the generation: before the first token with a refusal that the
// client can read, after it as a stream that broke off.
func (g *generation) refuse(kind engine.Kind, text string) error {
	if g.told {
		return fmt.Errorf("%w: %s", engine.ErrNoDone, text)
	}
	return &engine.Error{Kind: kind, Text: text}
}
