package serve

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"strconv"
	"strings"
	"testing"

	"inferd/engine"
)

// stepped is an engine whose tokens come from another goroutine than Generate's, which
// offers them and leaves to Generate what finds no room.
func stepped(n int, text func(i int) string, full func()) funcEngine {
	return func(_ context.Context, _ *engine.Request, out engine.Sink) (engine.Result, error) {
		for i := 0; i < n; i++ {
			offered := make(chan error)
			go func() {
				for ; i < n; i++ {
					if err := out.Offer([]byte(text(i))); err != nil {
						offered <- err
						return
					}
				}
				offered <- nil
			}()
			switch err := <-offered; err {
			case nil:
			case engine.ErrFull:
				full()
				if err := out.Token([]byte(text(i)), false); err != nil {
					return engine.Result{}, err
				}
			default:
				return engine.Result{}, err
			}
		}
		return engine.Result{Usage: engine.Usage{CompletionTokens: uint32(n)}}, nil
	}
}

// TestOffer: what is offered arrives, whoever reads how slowly, once and in order, and
// the done frame has it all.
func TestOffer(t *testing.T) {
	const tokens = 1000 // of 3 KB: several times what outbox and socket hold
	pad := strings.Repeat("é\n", 1000)
	text := func(i int) string { return strconv.Itoa(i) + pad }
	met := make(chan struct{}, tokens)
	s := start(t, stepped(tokens, text, func() { met <- struct{}{} }), Options{ActivePermits: 1})
	c, _ := s.dial(t)
	for _, stream := range []string{"", `"stream":false,`} {
		io.WriteString(c, `{"id":"x",`+stream+`"messages":[{"role":"user","content":"hi"}]}`+"\n")
		if stream == "" {
			<-met // nobody reads, and so there is no room for one
		}
		r := bufio.NewReaderSize(c, 64<<10)
		var all strings.Builder
		for i := 0; ; i++ {
			line, err := r.ReadBytes('\n')
			if err != nil {
				t.Fatal(err)
			}
			var frame struct{ Type, Content string }
			if err := json.Unmarshal(line, &frame); err != nil {
				t.Fatal(err)
			}
			if frame.Type == "token" && frame.Content == text(i) {
				all.WriteString(frame.Content)
				continue
			}
			if stream != "" {
				for i := range tokens {
					all.WriteString(text(i))
				}
			}
			if frame.Type != "done" || frame.Content != all.String() {
				t.Fatalf("frame %d is %.80s", i, line)
			}
			break
		}
	}
}

// TestOffer_TooLong: the token that no longer fits is not among what is sent.
func TestOffer_TooLong(t *testing.T) {
	text := func(int) string { return "12345678" }
	s := start(t, stepped(100, text, func() {}), Options{ActivePermits: 1, maxAnswer: len(`"x"`) + 20})
	c, r := s.dial(t)
	io.WriteString(c, ask("x"))
	const token = `{"type":"token","id":"x","content":"12345678"}`
	expect(t, r, token, token,
		`{"type":"error","id":"x","code":"internal","message":"the answer exceeds the frame limit"}`)
}

// TestOffer_Gone: who offers learns that nobody listens any more.
func TestOffer_Gone(t *testing.T) {
	left := make(chan error, 1)
	first := make(chan struct{})
	s := start(t, funcEngine(func(_ context.Context, _ *engine.Request, out engine.Sink) (engine.Result, error) {
		err := out.Offer([]byte("a"))
		<-first
		for err == nil || err == engine.ErrFull {
			err = out.Offer([]byte("b"))
		}
		left <- err
		return engine.Result{}, err
	}), Options{ActivePermits: 1})
	c, r := s.dial(t)
	io.WriteString(c, ask("x"))
	expect(t, r, `{"type":"token","id":"x","content":"a"}`)
	c.Close()
	close(first)
	if err := <-left; err == nil {
		t.Error("no error")
	}
}
