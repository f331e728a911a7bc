package client

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"inferd/codec"
)

const (
	tokenA = `{"type":"token","id":"r1","content":"alpha "}` + "\n"
	tokenB = `{"type":"token","id":"r1","content":"beta"}` + "\n"
	doneAB = `{"type":"done","id":"r1","content":"alpha beta","usage":{"prompt_tokens":7,` +
		`"completion_tokens":2},"stop_reason":"end","backend":"mock"}` + "\n"
	busyFrame = `{"type":"error","id":"r1","code":"queue_full","message":"queue full",` +
		`"retry_after_ms":250,"active":1,"queued":1}` + "\n"
)

// collect runs one request to its end.
func collect(ctx context.Context, c *Client, req Request) (frames []Frame, err error) {
	for frame, e := range c.Generate(ctx, req) {
		if e != nil {
			err = e
			continue
		}
		frames = append(frames, frame)
	}
	return frames, err
}

// TestGenerate plays one answer and checks what the caller sees of it.
func TestGenerate(t *testing.T) {
	f := func(name, answer, wantTypes string, wantErr error) {
		t.Run(name, func(t *testing.T) {
			target := fakeDaemon(t, "unix", func(s *fakeConn) {
				s.line()
				s.send(answer)
			})
			frames, err := collect(testContext(t), dialed(t, target), ask("hi"))
			var types []string
			for _, frame := range frames {
				types = append(types, frame.Type)
			}
			if got := strings.Join(types, " "); got != wantTypes {
				t.Errorf("frames %q, want %q", got, wantTypes)
			}
			if !errors.Is(err, wantErr) {
				t.Errorf("error %v, want %v", err, wantErr)
			}
		})
	}
	f("tokens and done", tokenA+tokenB+doneAB, "token token done", nil)
	f("eof before terminal", tokenA, "token", ErrUnexpectedEOF)
	f("eof at once", "", "", ErrUnexpectedEOF)
	f("cut inside a frame", tokenA+doneAB[:40], "token", ErrUnexpectedEOF)
	f("last frame without newline", tokenA+strings.TrimSuffix(doneAB, "\n"), "token done", nil)
	f("unknown types are skipped", `{"type":"status","id":"","status":"ready"}`+"\n"+
		`{"type":"later","extra":[1,{"a":null}]}`+"\n"+tokenA+doneAB, "token done", nil)
	f("unknown keys are ignored", `{"new":1,"type":"token","id":"r1","content":"x"}`+"\n"+doneAB,
		"token done", nil)
}

func TestGenerateFrameContents(t *testing.T) {
	target := fakeDaemon(t, "unix", func(s *fakeConn) {
		s.line()
		s.send(tokenA + doneAB)
	})
	frames, err := collect(testContext(t), dialed(t, target), ask("hi"))
	if err != nil {
		t.Fatal(err)
	}
	want := []Frame{
		{Type: "token", ID: "r1", Content: "alpha "},
		{
			Type: "done", ID: "r1", Content: "alpha beta", StopReason: "end", Backend: "mock",
			Usage: codec.Usage{PromptTokens: 7, CompletionTokens: 2},
		},
	}
	if diff := cmp.Diff(want, frames); diff != "" {
		t.Errorf("frames (-want +got):\n%s", diff)
	}
}

func TestServerErrorKeepsTheConnection(t *testing.T) {
	target := fakeDaemon(t, "unix", func(s *fakeConn) {
		s.line()
		s.send(busyFrame)
		s.line()
		s.send(doneAB)
	})
	c := dialed(t, target)
	_, err := c.Text(testContext(t), ask("one"))
	var serverErr *ServerError
	if !errors.As(err, &serverErr) {
		t.Fatalf("error %v, want a ServerError", err)
	}
	want := &ServerError{
		ID: "r1", Code: codec.QueueFull, Message: "queue full", RetryAfter: 250 * time.Millisecond,
	}
	if diff := cmp.Diff(want, serverErr); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
	if !serverErr.Temporary() {
		t.Error("queue_full must be temporary")
	}
	text, err := c.Text(testContext(t), ask("two"))
	if err != nil || text != "alpha beta" {
		t.Errorf("second request: %q, %v", text, err)
	}
}

func TestTextKeepsWhatArrived(t *testing.T) {
	target := fakeDaemon(t, "unix", func(s *fakeConn) {
		s.line()
		s.send(tokenA + tokenB)
	})
	text, err := dialed(t, target).Text(testContext(t), ask("hi"))
	if text != "alpha beta" || !errors.Is(err, ErrUnexpectedEOF) {
		t.Errorf("got %q, %v", text, err)
	}
}

// TestCancelClosesTheConnection: the daemon sees the hang-up, the caller the
// context's cause, and the client is used up.
// TestCancelledBefore: what nobody waits for is not sent.
func TestCancelledBefore(t *testing.T) {
	heard := make(chan string, 2)
	handle := func(s *fakeConn) { heard <- s.line() }
	ctx, cancel := context.WithCancel(testContext(t))
	cancel()
	c := dialed(t, fakeDaemon(t, "unix", handle))
	if text, err := c.Text(ctx, ask("hi")); text != "" || !errors.Is(err, context.Canceled) {
		t.Errorf("request: %q, %v", text, err)
	}
	a := admin(t, handle)
	if _, err := a.Command(ctx, "drain", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("command: %v", err)
	}
	for range 2 {
		if line := <-heard; line != "" {
			t.Errorf("the daemon heard %s", line)
		}
	}
}

func TestCancelClosesTheConnection(t *testing.T) {
	hungUp := make(chan struct{})
	target := fakeDaemon(t, "unix", func(s *fakeConn) {
		s.line()
		s.send(tokenA)
		s.awaitClose()
		close(hungUp)
	})
	c := dialed(t, target)
	ctx, cancel := context.WithCancelCause(testContext(t))
	defer cancel(nil)
	cause := errors.New("user pressed ctrl-c")
	var last error
	for _, err := range c.Generate(ctx, ask("hi")) {
		if err == nil {
			cancel(cause)
		}
		last = err
	}
	if !errors.Is(last, cause) || !errors.Is(last, context.Canceled) ||
		!strings.HasPrefix(last.Error(), "context cancelled: ") {
		t.Errorf("error %v, want the cause", last)
	}
	<-hungUp
	if _, err := c.Text(testContext(t), ask("again")); !errors.Is(err, ErrClosed) {
		t.Errorf("after a cancelled request: %v, want ErrClosed", err)
	}
}

func TestLeavingTheLoopClosesTheConnection(t *testing.T) {
	hungUp := make(chan struct{})
	target := fakeDaemon(t, "unix", func(s *fakeConn) {
		s.line()
		s.send(tokenA)
		s.awaitClose()
		close(hungUp)
	})
	c := dialed(t, target)
	for range c.Generate(testContext(t), ask("hi")) {
		break
	}
	<-hungUp
	if _, err := c.Text(testContext(t), ask("again")); !errors.Is(err, ErrClosed) {
		t.Errorf("after leaving the loop: %v, want ErrClosed", err)
	}
}

func TestLeavingTheLoopAtDoneKeepsTheConnection(t *testing.T) {
	target := fakeDaemon(t, "unix", func(s *fakeConn) {
		for s.line() != "" {
			s.send(doneAB)
		}
	})
	c := dialed(t, target)
	for range 3 {
		for frame, err := range c.Generate(testContext(t), ask("hi")) {
			if err != nil {
				t.Fatal(err)
			}
			if frame.Terminal() {
				break
			}
		}
	}
}

func TestOneRequestAtATime(t *testing.T) {
	target := fakeDaemon(t, "unix", func(s *fakeConn) {
		s.line()
		s.send(tokenA + doneAB)
	})
	c := dialed(t, target)
	for frame, err := range c.Generate(testContext(t), ask("one")) {
		if err != nil {
			t.Fatal(err)
		}
		if frame.Type != "token" {
			continue
		}
		if _, err := c.Text(testContext(t), ask("two")); !errors.Is(err, ErrBusy) {
			t.Errorf("second request: %v, want ErrBusy", err)
		}
	}
}

// TestRetryAfter_Odd: what a server says without sense does not become a time in the past.
func TestRetryAfter_Odd(t *testing.T) {
	c := dialed(t, fakeDaemon(t, "unix", func(s *fakeConn) {
		s.line()
		s.send(`{"type":"error","id":"","code":"queue_full","message":"x","retry_after_ms":18446744073709551615}` + "\n")
	}))
	_, err := c.Text(testContext(t), ask("hi"))
	var refused *ServerError
	if !errors.As(err, &refused) || refused.RetryAfter <= 0 {
		t.Errorf("%v", err)
	}
}

func TestCloseEndsARunningRequest(t *testing.T) {
	target := fakeDaemon(t, "unix", func(s *fakeConn) {
		s.line()
		s.send(tokenA)
		s.awaitClose()
	})
	c := dialed(t, target)
	var last error
	for _, err := range c.Generate(testContext(t), ask("hi")) {
		if err == nil {
			_ = c.Close()
		}
		last = err
	}
	if !errors.Is(last, ErrClosed) {
		t.Errorf("error %v, want ErrClosed", last)
	}
}

// TestRequestCap: the line is refused here, and the connection stays good.
func TestRequestCap(t *testing.T) {
	target := fakeDaemon(t, "unix", func(s *fakeConn) {
		for s.line() != "" {
			s.send(doneAB)
		}
	})
	c := dialed(t, target)
	_, err := c.Text(testContext(t), ask(strings.Repeat("x", maxLineBytes)))
	if !errors.Is(err, ErrTooLarge) {
		t.Fatalf("error %v, want ErrTooLarge", err)
	}
	if _, err := c.Text(testContext(t), ask("small")); err != nil {
		t.Errorf("after a refused request: %v", err)
	}
}

func TestEndlessResponseLine(t *testing.T) {
	chunk := strings.Repeat("x", 1<<20)
	target := fakeDaemon(t, "unix", func(s *fakeConn) {
		s.line()
		for {
			if _, err := s.conn.Write([]byte(chunk)); err != nil {
				return
			}
		}
	})
	_, err := dialed(t, target).Text(testContext(t), ask("hi"))
	if !errors.Is(err, ErrTooLarge) {
		t.Errorf("error %v, want ErrTooLarge", err)
	}
}

// TestHangUpWithReason: a daemon that refuses while the request is still being
// written says why; that frame wins over the broken pipe.
func TestHangUpWithReason(t *testing.T) {
	target := fakeDaemon(t, "unix", func(s *fakeConn) {
		s.send(`{"type":"error","id":"","code":"frame_too_large","message":"no"}` + "\n")
	})
	_, err := dialed(t, target).Text(testContext(t), ask(strings.Repeat("x", 8<<20)))
	var serverErr *ServerError
	if !errors.As(err, &serverErr) || serverErr.Code != codec.FrameTooLarge {
		t.Errorf("error %v, want the daemon's frame_too_large", err)
	}
}

func TestRequestOnTheWire(t *testing.T) {
	lines := make(chan string, 1)
	target := fakeDaemon(t, "unix", func(s *fakeConn) {
		lines <- s.line()
		s.send(doneAB)
	})
	req := Request{
		Messages: []Message{{Role: "user", Content: "2+2?"}},
		Options:  Options{Temperature: new(0.5), MaxTokens: new(uint32(16)), Stream: new(false)},
	}
	if _, err := dialed(t, target).Text(testContext(t), req); err != nil {
		t.Fatal(err)
	}
	want := `{"messages":[{"role":"user","content":"2+2?"}],` +
		`"temperature":0.5,"max_tokens":16,"stream":false}`
	if got := <-lines; got != want {
		t.Errorf("request line\n got %s\nwant %s", got, want)
	}
}

func TestAPIKeyLine(t *testing.T) {
	f := func(network, key, want string) {
		t.Helper()
		lines := make(chan string, 1)
		target := fakeDaemon(t, network, func(s *fakeConn) {
			lines <- s.line()
			s.send(doneAB)
		})
		target.APIKey = key
		if _, err := dialed(t, target).Text(testContext(t), ask("hi")); err != nil {
			t.Fatal(err)
		}
		if got := <-lines; !strings.HasPrefix(got, want) {
			t.Errorf("%s with key %q: first line %s, want %s", network, key, got, want)
		}
	}
	f("tcp", `se"cret`, `{"type":"auth","key":"se\"cret"}`)
	f("tcp", "", `{"id":"r1"`)
	f("unix", "secret", `{"id":"r1"`)
}
