package engine

import (
	"errors"
	"fmt"
)

// Kind sorts an engine's refusals by what the client and the breaker make of
// them.
type Kind uint8

const (
	// NotReady: `backend_unavailable`, counted by the breaker.
	NotReady Kind = iota
	// Invalid: `invalid_request`; the client's fault, never counted.
	Invalid
	// Unavailable: `backend_unavailable`, counted.
	Unavailable
	// Internal: `internal`, counted.
	Internal
	// Exhausted: `backend_unavailable`, for want of something of the daemon's own; never
	// counted.
	Exhausted
)

// Error is an engine's refusal of a request. Before its first token Text goes to the
// client, after one to the log alone, and the client hears that the stream broke off: no
// secret, no upstream's raw text uncut, no prompt.
type Error struct {
	Kind Kind
	Text string
}

// Error gives the text as the client sees it.
func (e *Error) Error() string { return e.Text }

// Errorf makes an *Error.
func Errorf(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Text: fmt.Sprintf(format, args...)}
}

// ErrNotReady is the refusal of an engine that is still loading, restarting or
// stopped.
var ErrNotReady = &Error{Kind: NotReady, Text: "backend not ready"}

// ErrFull is what Sink.Offer returns instead of waiting for room in the client's outbox.
var ErrFull = errors.New("the client's outbox is full")

// ErrNoDone says that the stream broke off: the client gets
// `backend_unavailable` after the tokens it already has, the breaker a failure.
var ErrNoDone = errors.New("backend ended stream without terminal frame")
