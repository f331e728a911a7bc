package mock

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"inferd/engine"
)

// stepping is a mock whose requests step together, n tokens each.
func stepping(n int) *Engine { return New(Options{Tokens: n, TokenDelay: time.Nanosecond}) }

// slowTape has no room until it is opened.
type slowTape struct {
	tape
	open chan struct{}
}

func (s *slowTape) Offer(text []byte) error {
	select {
	case <-s.open:
		return s.Token(text, false)
	default:
		return engine.ErrFull
	}
}

func (s *slowTape) Token(text []byte, more bool) error {
	<-s.open
	return s.tape.Token(text, more)
}

func wantTokens(n int) (want []string) {
	for i := range n {
		want = append(want, fmt.Sprintf("t%d", i))
	}
	return want
}

// TestStep: every request gets all its tokens, also one whose client has no room, and
// that one holds nobody up.
func TestStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const requests, tokens = 50, 20
		e := stepping(tokens)
		slow := &slowTape{open: make(chan struct{})}
		var slowDone bool
		go func() {
			if _, err := e.Generate(t.Context(), &engine.Request{}, slow); err != nil {
				t.Error(err)
			}
			slowDone = true
		}()
		synctest.Wait()
		for range 3 {
			var wg sync.WaitGroup
			for range requests {
				wg.Go(func() {
					var s tape
					r, err := e.Generate(t.Context(), &engine.Request{}, &s)
					if err != nil || r.Usage.CompletionTokens != tokens || !slices.Equal(s.got, wantTokens(tokens)) {
						t.Errorf("%q, %+v, %v", s.got, r, err)
					}
				})
			}
			wg.Wait()
		}
		if slowDone || len(slow.got) != 0 {
			t.Fatalf("the slow one got %q", slow.got)
		}
		close(slow.open)
		synctest.Wait()
		if !slowDone || !slices.Equal(slow.got, wantTokens(tokens)) {
			t.Errorf("the slow one got %q", slow.got)
		}
	}) // which also says that no goroutine is left
}

// nowhere takes tokens and keeps none.
type nowhere struct{}

func (nowhere) Token([]byte, bool) error { return nil }
func (nowhere) Offer([]byte) error       { return nil }

// TestStep_Allocates nothing, not even when nobody was there before.
func TestStep_Allocates(t *testing.T) {
	e, req := stepping(8), new(engine.Request)
	if n := testing.AllocsPerRun(1000, func() {
		if _, err := e.Generate(t.Context(), req, nowhere{}); err != nil {
			t.Fatal(err)
		}
		for running := true; running; runtime.Gosched() {
			e.stepper.mu.Lock()
			running = e.stepper.running
			e.stepper.mu.Unlock()
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestStep_Ends: a client that is gone, a context that ended and a stream that breaks
// off leave the others alone.
func TestStep_Ends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := stepping(5)
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		f := func(ctx context.Context, failAt, wantTokens int, wantErr error) func() {
			return func() {
				s := tape{failAt: failAt}
				_, err := e.Generate(ctx, &engine.Request{}, &s)
				if !errors.Is(err, wantErr) || len(s.got) != wantTokens {
					t.Errorf("%q, %v; want %d tokens, %v", s.got, err, wantTokens, wantErr)
				}
			}
		}
		var wg sync.WaitGroup
		wg.Go(f(t.Context(), 2, 2, errGone))
		wg.Go(f(t.Context(), 5, 5, errGone))
		wg.Go(f(ended, 0, 0, context.Canceled))
		wg.Go(f(t.Context(), 0, 5, nil))
		wg.Wait()
		e = New(Options{Tokens: 5, TokenDelay: 1, DropAfter: 3, HasDropAfter: true})
		f(t.Context(), 0, 3, engine.ErrNoDone)()
		e = New(Options{Tokens: 5, TokenDelay: 1, DropAfter: 0, HasDropAfter: true})
		f(t.Context(), 0, 0, engine.ErrNoDone)()
	})
}
