package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"go.uber.org/atomic"

	"inferd/codec"
)

// Client is one connection to a daemon's inference socket.
//
// Its methods may be called from any goroutine, but only one request runs at a
// time; see [Client.Generate].
type Client struct {
	// immutable
	conn net.Conn

	// owned by the running request (whoever holds busy)
	lines   *lineReader
	decoder *codec.FrameDecoder
	out     []byte
	tap     func(line []byte) // may be nil

	// atomic
	busy   atomic.Bool
	closed atomic.Bool
}

// Dial connects to target once. The zero Target tries the default Unix socket
// paths in turn. Cancelling ctx ends the attempt; it has no effect afterwards.
func Dial(ctx context.Context, target Target) (*Client, error) {
	conn, err := target.dial(ctx, DefaultSocketPaths)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", target, err)
	}
	if target.TCP != "" && target.APIKey != "" {
		if err := authenticate(ctx, conn, target.APIKey); err != nil {
			_ = conn.Close()
			return nil, fmt.Errorf("dial %s: %w", target, err)
		}
	}
	return NewClient(conn), nil
}

// DialWait is [Dial] repeated until it succeeds, ctx ends, or it fails in a way
// that waiting cannot mend (see [IsTransient]). It waits 100 ms after the first
// failure and twice as long after each further one, up to 5 s.
func DialWait(ctx context.Context, target Target) (*Client, error) {
	return retry(ctx, func(ctx context.Context) (*Client, error) { return Dial(ctx, target) })
}

// NewClient takes over a connection made by other means.
func NewClient(conn net.Conn) *Client {
	return &Client{conn: conn, lines: newLineReader(conn), decoder: codec.NewFrameDecoder()}
}

// Close closes the connection. A running request ends with [ErrClosed].
func (c *Client) Close() error {
	if c.closed.Swap(true) {
		return nil
	}
	return c.conn.Close()
}

// authenticate sends the key line. The daemon does not answer it: a wrong key
// shows as a closed connection at the first request.
func authenticate(ctx context.Context, conn net.Conn, key string) error {
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetWriteDeadline(deadline); err != nil {
			return err
		}
		defer func() { _ = conn.SetWriteDeadline(time.Time{}) }()
	}
	if _, err := conn.Write(codec.AppendAuth(nil, key)); err != nil {
		return fmt.Errorf("send api key: %w", err)
	}
	return nil
}

// acquire makes the caller the one running request.
func (c *Client) acquire() error {
	if !c.busy.CompareAndSwap(false, true) {
		return ErrBusy
	}
	if c.closed.Load() {
		c.busy.Store(false)
		return ErrClosed
	}
	return nil
}

// send writes one request line.
func (c *Client) send(req *Request) error {
	c.out = codec.AppendRequest(c.out[:0], req.ID, req.Messages, req.Options)
	if len(c.out)-1 >= maxLineBytes {
		n := len(c.out) - 1
		c.out = nil
		return fmt.Errorf("request of %d bytes: %w", n, ErrTooLarge)
	}
	_, err := c.conn.Write(c.out)
	if cap(c.out) > keepBufferBytes {
		c.out = nil
	}
	if err != nil {
		return fmt.Errorf("send request: %w", err)
	}
	return nil
}

// explain turns an I/O error of a running request into what the caller should
// see: the context's end and Close are the causes, not the closed socket.
func (c *Client) explain(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return cancelled(ctx)
	case errors.Is(err, net.ErrClosed) || c.closed.Load():
		return ErrClosed
	default:
		return err
	}
}

// Tap calls f with each line received from the daemon, without its newline,
// before it is decoded; the line is valid only during the call. It must not be
// called while a request runs.
func (c *Client) Tap(f func(line []byte)) { c.tap = f }
