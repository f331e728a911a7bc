package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"strings"

	"go.uber.org/atomic"
)

// Event is one line of the admin socket. Keys this package does not know stay
// in Fields.
type Event struct {
	Type   string // "status", or "reply" to a command
	Status string // e.g. "starting", "loading_model", "capabilities", "ready", "draining"
	Phase  string // of loading_model and restarting; else empty
	// Fields holds every key of the object, those above included. Numbers are
	// json.Number.
	Fields map[string]any
}

// IsCapabilities reports whether the event says what a backend can do, rather
// than in which state the daemon is.
func (e *Event) IsCapabilities() bool { return e.Status == "capabilities" }

// SupportsVision reports whether a capabilities event announces vision.
func (e *Event) SupportsVision() bool {
	vision, _ := e.Fields["vision"].(bool)
	return e.IsCapabilities() && vision
}

// Ready reports whether the event says that requests are served.
func (e *Event) Ready() bool { return e.Type == "status" && e.Status == "ready" }

// CommandError is a command that the daemon refused or could not carry out.
type CommandError struct {
	Command string
	Message string
}

func (e *CommandError) Error() string { return e.Command + ": " + e.Message }

// AdminClient is one connection to a daemon's admin socket. Only one of its
// methods may run at a time, except Close. Ending the context of a running
// method closes the connection.
type AdminClient struct {
	conn   net.Conn
	lines  *lineReader
	closed atomic.Bool
}

// DialAdmin connects once to the admin socket at path; an empty path tries the
// default places in turn.
func DialAdmin(ctx context.Context, path string) (*AdminClient, error) {
	target := Target{Unix: path}
	conn, err := target.dial(ctx, DefaultAdminPaths)
	if err != nil {
		return nil, fmt.Errorf("dial admin socket: %w", err)
	}
	return NewAdminClient(conn), nil
}

// DialAdminWait is [DialAdmin] with the waiting of [DialWait].
func DialAdminWait(ctx context.Context, path string) (*AdminClient, error) {
	return retry(ctx, func(ctx context.Context) (*AdminClient, error) {
		return DialAdmin(ctx, path)
	})
}

// NewAdminClient takes over a connection made by other means.
func NewAdminClient(conn net.Conn) *AdminClient {
	return &AdminClient{conn: conn, lines: newLineReader(conn)}
}

// Close closes the connection; a running call ends with [ErrClosed].
func (a *AdminClient) Close() error {
	if a.closed.Swap(true) {
		return nil
	}
	return a.conn.Close()
}

// Recv returns the next event. io.EOF means that the daemon closed the
// connection, by shutting down or because this client lagged behind. When ctx
// ends first, or a line is no event, the connection is closed.
func (a *AdminClient) Recv(ctx context.Context) (Event, error) {
	release := a.bind(ctx)
	defer release()
	return a.recv(ctx)
}

func (a *AdminClient) recv(ctx context.Context) (Event, error) {
	line, err := a.lines.next()
	if err != nil && (len(line) == 0 || !errors.Is(err, io.EOF)) {
		return Event{}, a.explain(ctx, err)
	}
	event, bad := parseEvent(line)
	switch {
	case bad != nil && err != nil:
		return Event{}, err // the daemon has ended in the middle of a line
	case bad != nil:
		_ = a.Close() // what follows may be about what was asked before
		return Event{}, bad
	}
	return event, nil
}

// WaitReady reads until the daemon says that it is ready. io.EOF before that is
// reported as [ErrUnexpectedEOF].
func (a *AdminClient) WaitReady(ctx context.Context) error {
	for {
		event, err := a.Recv(ctx)
		switch {
		case errors.Is(err, io.EOF):
			return fmt.Errorf("wait for ready: %w", ErrUnexpectedEOF)
		case err != nil:
			return fmt.Errorf("wait for ready: %w", err)
		case event.Ready():
			return nil
		}
	}
}

// WaitReady dials the admin socket at path (empty: the default places) and
// waits until the daemon is ready, dialling again while there is none and when
// a connection ends early. ctx bounds it all.
func WaitReady(ctx context.Context, path string) error {
	_, err := retry(ctx, func(ctx context.Context) (struct{}, error) {
		admin, err := DialAdmin(ctx, path)
		if err != nil {
			return struct{}{}, err
		}
		defer func() { _ = admin.Close() }()
		if err := admin.WaitReady(ctx); err != nil {
			return struct{}{}, &restartable{err}
		}
		return struct{}{}, nil
	})
	return err
}

// restartable marks an ended admin connection as worth another dial.
type restartable struct{ error }

func (r *restartable) Unwrap() error   { return r.error }
func (r *restartable) Timeout() bool   { return true }
func (r *restartable) Temporary() bool { return true }

// Command sends a command with its arguments (may be nil; "type" and "command" among
// them are ignored) and returns the daemon's reply, skipping the events that arrive
// before it. A refusal is a [*CommandError].
func (a *AdminClient) Command(
	ctx context.Context, name string, args map[string]any,
) (Event, error) {
	message := make(map[string]any, len(args)+2)
	maps.Copy(message, args)
	message["type"], message["command"] = "command", name
	line, err := json.Marshal(message)
	if err != nil {
		return Event{}, fmt.Errorf("command %s: %w", name, err)
	}
	if ctx.Err() != nil {
		_ = a.Close()
		return Event{}, fmt.Errorf("command %s: %w", name, cancelled(ctx))
	}
	release := a.bind(ctx)
	defer release()
	if _, err := a.conn.Write(append(line, '\n')); err != nil {
		return Event{}, fmt.Errorf("command %s: %w", name, a.explain(ctx, err))
	}
	for {
		event, err := a.recv(ctx)
		if errors.Is(err, io.EOF) {
			err = ErrUnexpectedEOF
		}
		if err != nil {
			return Event{}, fmt.Errorf("command %s: %w", name, err)
		}
		// A reply may name the beginning of a long name alone, or nothing.
		of, _ := event.Fields["command"].(string)
		if event.Type != "reply" || !strings.HasPrefix(name, of) {
			continue
		}
		if ok, _ := event.Fields["ok"].(bool); !ok {
			return event, &CommandError{Command: name, Message: replyMessage(&event)}
		}
		return event, nil
	}
}

func replyMessage(event *Event) string {
	for _, key := range []string{"error", "message"} {
		if text, ok := event.Fields[key].(string); ok && text != "" {
			return text
		}
	}
	return "refused without a reason"
}

// bind lets ctx interrupt reads and writes, by closing, until release is called.
func (a *AdminClient) bind(ctx context.Context) (release func() bool) {
	return context.AfterFunc(ctx, func() { _ = a.Close() })
}

func (a *AdminClient) explain(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return cancelled(ctx)
	case errors.Is(err, net.ErrClosed) || a.closed.Load():
		return ErrClosed
	default:
		return err
	}
}
