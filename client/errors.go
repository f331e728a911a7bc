package client

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"inferd/codec"
)

// Errors a caller may want to tell apart with errors.Is.
var (
	// ErrUnexpectedEOF: the daemon closed the connection before the terminal
	// frame of a request. The text received so far is incomplete.
	ErrUnexpectedEOF = errors.New("connection ended before the terminal frame")
	// ErrTooLarge: a request of 64 MiB or more, or a response line above that.
	ErrTooLarge = errors.New("line exceeds the 64 MiB cap")
	// ErrBusy: Generate was called while another request of the same Client
	// was running.
	ErrBusy = errors.New("client is busy: one request at a time per connection")
	// ErrClosed: the Client was closed, or an earlier request was cancelled or
	// failed in a way that leaves the connection unusable. Dial again.
	ErrClosed = errors.New("client is closed")
)

// maxRetryAfterMS is more than any daemon says, and what a Duration holds.
const maxRetryAfterMS = math.MaxInt64 / uint64(time.Millisecond)

// ServerError is an error frame of the daemon.
type ServerError struct {
	ID      string
	Code    codec.Code
	Message string
	// RetryAfter is the daemon's own estimate of when to try again; zero if it
	// gave none. Only queue_full carries one.
	RetryAfter time.Duration
}

func (e *ServerError) Error() string {
	return fmt.Sprintf("%s: %s", e.Code, e.Message)
}

// Temporary reports whether the same request may succeed later.
func (e *ServerError) Temporary() bool {
	return e.Code == codec.QueueFull || e.Code == codec.BackendUnavailable
}

func serverError(f *Frame) *ServerError {
	return &ServerError{
		ID:         f.ID,
		Code:       codec.Code(f.Code),
		Message:    f.Message,
		RetryAfter: time.Duration(min(f.RetryAfterMS, maxRetryAfterMS)) * time.Millisecond,
	}
}

// cancelled tells why ctx ended; both its Err and its Cause can be found in it.
func cancelled(ctx context.Context) error {
	if context.Cause(ctx) == context.DeadlineExceeded {
		return fmt.Errorf("no answer in time: %w", context.DeadlineExceeded)
	}
	if cause := context.Cause(ctx); !errors.Is(cause, ctx.Err()) {
		return fmt.Errorf("context cancelled: %w: %w", ctx.Err(), cause)
	}
	return fmt.Errorf("context cancelled: %w", context.Cause(ctx))
}
