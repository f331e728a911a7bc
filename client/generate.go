package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"inferd/codec"
)

// Message is one turn of a conversation; its Role is "system", "user" or
// "assistant".
type Message = codec.Message

// Options are the sampling settings of a request; the daemon's defaults apply
// to those left nil.
type Options = codec.RequestOptions

// The frame types Generate yields, as found in [Frame.Type].
const (
	TypeToken = "token"
	TypeDone  = "done"
	TypeError = "error"
)

// Frame is one line of an answer. Its strings belong to the caller.
type Frame = codec.Frame

// Request is what a client asks for.
type Request struct {
	// ID comes back on every frame of the answer; it may be empty and need not
	// be unique.
	ID       string
	Messages []Message
	Options  Options
}

// Generate sends req and gives its frames as they arrive: any number of
// "token" frames, then one "done" frame, after which the sequence ends and the
// Client is free for the next request.
//
// A failure is the last element, with a non-nil error: a [*ServerError] together
// with the daemon's error frame (the connection may still be good), or with an
// empty frame [ErrUnexpectedEOF], [ErrTooLarge], [ErrBusy], [ErrClosed], an
// error wrapping the context's cause, or an I/O error. Frames of unknown types
// are skipped.
//
// When ctx ends, or the loop is left before the sequence has ended, the
// connection is closed, so that the daemon stops working on the answer.
func (c *Client) Generate(ctx context.Context, req Request) iter.Seq2[Frame, error] {
	return func(yield func(Frame, error) bool) {
		if err := c.acquire(); err != nil {
			yield(Frame{}, err)
			return
		}
		defer c.busy.Store(false)
		if ctx.Err() != nil {
			_ = c.Close()
			yield(Frame{}, cancelled(ctx))
			return
		}
		// Closing is what interrupts the read below.
		stop := context.AfterFunc(ctx, func() { _ = c.Close() })
		defer stop()

		finished := false
		defer func() {
			if !finished {
				_ = c.Close()
			}
		}()

		sendErr := c.send(&req)
		if errors.Is(sendErr, ErrTooLarge) {
			finished = true // nothing was written: the connection is as good as before
			yield(Frame{}, sendErr)
			return
		}
		finished = c.receive(ctx, sendErr, yield)
	}
}

// receive yields the frames of one answer and reports whether the connection
// may serve another request. A failed send is not the end yet: a daemon that
// hung up has often said why, and that frame is the better error.
func (c *Client) receive(
	ctx context.Context, sendErr error, yield func(Frame, error) bool,
) (reusable bool) {
	for {
		frame, err := c.nextFrame()
		if err != nil {
			if sendErr != nil {
				err = sendErr
			}
			yield(Frame{}, c.explain(ctx, err))
			return false
		}
		switch frame.Type {
		case TypeToken:
			if !yield(frame, nil) {
				return false
			}
		case TypeDone:
			yield(frame, nil)
			return sendErr == nil
		case TypeError:
			yield(frame, serverError(&frame))
			return sendErr == nil
		}
	}
}

// nextFrame reads and decodes one line.
func (c *Client) nextFrame() (Frame, error) {
	line, err := c.lines.next()
	if err != nil && (len(line) == 0 || !errors.Is(err, io.EOF)) {
		if errors.Is(err, io.EOF) {
			err = ErrUnexpectedEOF
		}
		return Frame{}, err
	}
	if c.tap != nil {
		c.tap(line)
	}
	partial := err != nil
	frame, err := c.decoder.Decode(line)
	switch {
	case err != nil && partial:
		return Frame{}, ErrUnexpectedEOF
	case err != nil:
		return Frame{}, fmt.Errorf("read frame: %w", err)
	}
	return detach(frame), nil
}

// Text runs one request and returns the whole answer. With an error it returns
// what had arrived until then.
func (c *Client) Text(ctx context.Context, req Request) (string, error) {
	var text strings.Builder
	for frame, err := range c.Generate(ctx, req) {
		switch {
		case err != nil:
			return text.String(), err
		case frame.Type == TypeDone:
			return frame.Content, nil
		}
		text.WriteString(frame.Content)
	}
	return text.String(), nil
}

// detach copies the strings of a frame out of the read buffer.
func detach(f *Frame) Frame {
	own := *f
	for _, s := range []*string{
		&own.Type, &own.ID, &own.Content, &own.Code, &own.Message,
		&own.StopReason, &own.Backend, &own.Status,
	} {
		*s = strings.Clone(*s)
	}
	return own
}
