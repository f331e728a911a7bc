package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"inferd/engine"
)

// TestToken_More: tokens of which the engine says that more follows leave with the next
// that has no such promise, or with the end, whatever that is; and they do not pile up.
func TestToken_More(t *testing.T) {
	seen := make(chan struct{})
	say := func(out engine.Sink, more bool, texts ...string) error {
		for _, s := range texts {
			if err := out.Token([]byte(s), more); err != nil {
				return err
			}
		}
		return nil
	}
	f := func(name string, gen funcEngine, want ...string) {
		t.Run(name, func(t *testing.T) {
			s := start(t, gen, Options{ActivePermits: 1, OnPanic: func(any) {}})
			c, r := s.dial(t)
			for range 2 { // nothing is left over for the next request
				io.WriteString(c, ask("x"))
				for _, w := range want {
					if w == "seen" {
						seen <- struct{}{}
						continue
					}
					expect(t, r, w)
				}
			}
		})
	}
	token := func(s string) string { return fmt.Sprintf(`{"type":"token","id":"x","content":%q}`, s) }
	fault := func(code, text string) string {
		return fmt.Sprintf(`{"type":"error","id":"x","code":%q,"message":%q}`, code, text)
	}
	done := func(text string) string {
		return fmt.Sprintf(`{"type":"done","id":"x","content":%q,"usage":{"prompt_tokens":0,`+
			`"completion_tokens":0},"stop_reason":"end","backend":"func"}`, text)
	}
	const broken = "backend ended stream without terminal frame"

	f("until one without", func(_ context.Context, _ *engine.Request, out engine.Sink) (engine.Result, error) {
		err := errors.Join(say(out, true, "a", "b"), say(out, false, "c"))
		<-seen // the client has them before the engine goes on
		return engine.Result{}, errors.Join(err, say(out, true, "d"))
	}, token("a"), token("b"), token("c"), "seen", token("d"), done("abcd"))
	f("until the end", func(_ context.Context, _ *engine.Request, out engine.Sink) (engine.Result, error) {
		return engine.Result{}, say(out, true, "a", "b")
	}, token("a"), token("b"), done("ab"))
	f("until a failure", func(_ context.Context, _ *engine.Request, out engine.Sink) (engine.Result, error) {
		return engine.Result{}, errors.Join(say(out, true, "a"), engine.Errorf(engine.Invalid, "late"))
	}, token("a"), fault("backend_unavailable", broken))
	f("until a panic", func(_ context.Context, _ *engine.Request, out engine.Sink) (engine.Result, error) {
		say(out, true, "a")
		panic("engine bug")
	}, token("a"), fault("internal", "internal error"))
	long := strings.Repeat("x", heldBytes)
	f("until there are many", func(_ context.Context, _ *engine.Request, out engine.Sink) (engine.Result, error) {
		err := say(out, true, "a", long)
		<-seen
		return engine.Result{}, err
	}, token("a"), token(long), "seen", done("a"+long))
}

// TestToken_More_TooLong: the token that no longer fits is not among what is sent.
func TestToken_More_TooLong(t *testing.T) {
	s := start(t, funcEngine(func(_ context.Context, _ *engine.Request, out engine.Sink) (engine.Result, error) {
		for {
			if err := out.Token([]byte("12345678"), true); err != nil {
				return engine.Result{}, err
			}
		}
	}), Options{ActivePermits: 1, maxAnswer: len(`"x"`) + 20})
	c, r := s.dial(t)
	io.WriteString(c, ask("x"))
	const token = `{"type":"token","id":"x","content":"12345678"}`
	expect(t, r, token, token,
		`{"type":"error","id":"x","code":"internal","message":"the answer exceeds the frame limit"}`)
}
