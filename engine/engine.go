package engine

import (
	"context"
	"log/slog"
)

// Message is one turn of a conversation. Role is "system", "user" or
// "assistant".
type Message struct {
	Role    string
	Content string
}

// Request is one validated request with every default filled in.
//
// Its strings and its Messages are valid only until Generate returns: they
// point into a pooled buffer. An engine that keeps any of it longer copies it.
type Request struct {
	ID               string // the client's; opaque, for logs only
	Messages         []Message
	Temperature      float64 // not range-checked by the wire; 0 or less means greedy
	TopP             float64
	TopK             uint32 // 0 means no cut
	MaxTokens        uint32 // 0 means none: answer with an empty text and StopLength
	ImageTokenBudget uint32 // 0 means unset; without effect on text-only engines
	Grammar          string // GBNF; empty means none
}

// StopReason says why a generation ended.
type StopReason uint8

// The stop reasons of the wire, in its order.
const (
	StopEnd StopReason = iota
	StopLength
	StopCancelled
	StopError
)

// String gives the wire's spelling.
func (s StopReason) String() string {
	switch s {
	case StopEnd:
		return "end"
	case StopLength:
		return "length"
	case StopCancelled:
		return "cancelled"
	default:
		return "error"
	}
}

// Usage counts tokens as the engine counts them; zero where it does not know.
type Usage struct {
	PromptTokens       uint32
	CompletionTokens   uint32
	CachedPromptTokens uint32 // part of PromptTokens that needed no computing
}

// Result ends a generation that completed.
type Result struct {
	Stop  StopReason
	Usage Usage
	// Untried: the answer needed nothing of what the engine depends on, an upstream
	// say, and so is no sign that it works.
	Untried bool
}

// Sink takes one request's output, from one goroutine at a time and only while
// Generate runs. Texts are whole UTF-8 characters; the sink copies them, so the
// caller may reuse the slice. An error, but for ErrFull, means that nobody listens
// any more: the engine stops and returns that error.
type Sink interface {
	// Token delivers one text delta. It blocks while the client's outbox is full.
	//
	// more says that the next token or Generate's return follows at once, without
	// waiting for anything: the sink may keep this one until then, so that both
	// leave together. Its error may come with a later token.
	Token(text []byte, more bool) error
	// Offer is Token, without a promise of more, for an engine whose one goroutine
	// steps through many requests and must not wait for one client. If the outbox is
	// full it returns ErrFull and has not taken the text, which is to be delivered by
	// Token where nobody else has to wait, before any later text.
	Offer(text []byte) error
}

// Engine computes answers.
//
// All methods may be called from any goroutine, Generate from as many at once
// as there are permits.
type Engine interface {
	// Name is the adapter's constant name, e.g. "mock": `backend` in done frames.
	Name() string
	// Ready is cheap and never blocks: false until loading is complete, while
	// the engine is restarting, and after Stop.
	Ready() bool
	// Capabilities are constant for the engine's lifetime.
	Capabilities() Capabilities
	// Generate runs one request to its end and returns only when the engine
	// holds no more work for it. ctx's end is the cancellation: the engine
	// stops within one step and returns ctx's error.
	//
	// An error before the first token is one of *Error (see there for how it
	// reaches the client). After a token, any error means the stream broke off, which
	// the breaker counts unless it wraps an *Error of the client's fault.
	Generate(ctx context.Context, req *Request, out Sink) (Result, error)
	// Stop ends the engine; it is not used again. It returns when the engine's
	// resources are back or ctx ends.
	Stop(ctx context.Context) error
}

// Capabilities say what an engine can do; the admin socket publishes them.
type Capabilities struct {
	V1, V2, Vision, Audio, Tools, Thinking, Embed bool

	Accelerator string // cpu, cuda, metal, vulkan, rocm
	GPULayers   uint32
	DeviceName  string // empty if unknown
	Model       string // what is served, for people: a name, never a secret
	Note        string // e.g. that the built-in model is a toy; empty if nothing to say
}

// Phase is one step of loading, published on the admin socket.
type Phase struct {
	Name string // checking_local, mmap, kv_cache
	Path string // checking_local, mmap
	NCtx uint32 // kv_cache
}

// Hooks are what an engine tells the daemon while it loads and lives. Nil
// members are skipped. They are called from the engine's goroutines and must
// not block.
type Hooks struct {
	Phase func(Phase)
	// State reports an engine that lost its ability to serve (ready false, with
	// a reason in lower case) or got it back.
	State func(ready bool, reason string)
	Log   *slog.Logger
}

// DoPhase calls h.Phase if it is set.
func (h Hooks) DoPhase(p Phase) {
	if h.Phase != nil {
		h.Phase(p)
	}
}

// DoState calls h.State if it is set.
func (h Hooks) DoState(ready bool, reason string) {
	if h.State != nil {
		h.State(ready, reason)
	}
}

// Logger is h.Log, or one that discards.
func (h Hooks) Logger() *slog.Logger {
	if h.Log != nil {
		return h.Log
	}
	return slog.New(slog.DiscardHandler)
}
