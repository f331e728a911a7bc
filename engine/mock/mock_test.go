package mock

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"inferd/engine"
)

// tape records tokens; it fails from the failAt-th on (0: never).
type tape struct {
	got    []string
	failAt int
}

var errGone = errors.New("client gone")

func (s *tape) Offer(text []byte) error { return s.Token(text, false) }

func (s *tape) Token(text []byte, _ bool) error {
	s.got = append(s.got, string(text))
	if s.failAt > 0 && len(s.got) >= s.failAt {
		return errGone
	}
	return nil
}

func TestGenerate(t *testing.T) {
	abc := []string{"alpha ", "beta ", "gamma"}
	f := func(name string, opt Options, want []string, wantErr error) {
		t.Helper()
		var s tape
		r, err := New(opt).Generate(t.Context(), &engine.Request{}, &s)
		if !slices.Equal(s.got, want) || !errors.Is(err, wantErr) {
			t.Errorf("%s: %q, %v; want %q, %v", name, s.got, err, want, wantErr)
		}
		if err == nil && (r.Stop != engine.StopEnd || r.Usage.PromptTokens != 0 ||
			int(r.Usage.CompletionTokens) != len(want)) {
			t.Errorf("%s: result %+v", name, r)
		}
	}
	f("default", Options{}, []string{"mock-response"}, nil)
	f("texts", Options{Texts: abc}, abc, nil)
	f("no texts", Options{Texts: []string{}}, nil, nil)
	f("counted", Options{Tokens: 3}, []string{"t0", "t1", "t2"}, nil)
	f("padded", Options{Tokens: 2, TokenBytes: 4}, []string{"t0..", "t1.."}, nil)
	f("cut", Options{Tokens: 11, TokenBytes: 1}, strings.Split("ttttttttttt", ""), nil)
	f("default cut", Options{TokenBytes: 5}, []string{"mock-"}, nil)
	f("drop after 2", Options{Texts: abc, DropAfter: 2, HasDropAfter: true}, abc[:2], engine.ErrNoDone)
	f("drop at once", Options{Texts: abc, HasDropAfter: true}, nil, engine.ErrNoDone)
	f("drop beyond the end", Options{Texts: abc, DropAfter: 3, HasDropAfter: true}, abc, nil)
	f("not ready", Options{ReadyAfter: time.Hour}, nil, engine.ErrNotReady)
	for _, name := range []string{"not_ready", "invalid_request", "unavailable"} {
		refuse, err := Refusal(name)
		if err != nil {
			t.Fatal(err)
		}
		// Looked at before readiness.
		f(name, Options{Refuse: refuse, ReadyAfter: time.Hour}, nil, refuse)
	}
	if _, err := Refusal("flaky"); err == nil || !strings.Contains(err.Error(), "not_ready") {
		t.Errorf("Refusal(flaky) = %v, want the allowed names", err)
	}
}

func TestGenerate_StopsWhenNobodyListens(t *testing.T) {
	s := tape{failAt: 1}
	_, err := New(Options{Tokens: 1000}).Generate(t.Context(), &engine.Request{}, &s)
	if !errors.Is(err, errGone) || len(s.got) != 1 {
		t.Errorf("%d tokens, %v", len(s.got), err)
	}
}

func TestGenerate_DelayAndCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := New(Options{Tokens: 3, TokenDelay: time.Second})
		start := time.Now()
		var s tape
		if _, err := e.Generate(t.Context(), &engine.Request{}, &s); err != nil {
			t.Fatal(err)
		}
		if d := time.Since(start); d != 3*time.Second {
			t.Errorf("three tokens took %v: the delay stands before each", d)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		s = tape{}
		_, err := e.Generate(ctx, &engine.Request{}, &s)
		if !errors.Is(err, context.DeadlineExceeded) || len(s.got) != 1 {
			t.Errorf("cancelled in the second delay: %d tokens, %v", len(s.got), err)
		}
	})
}

func TestReadiness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := New(Options{ReadyAfter: time.Minute})
		if e.Ready() {
			t.Error("ready at once")
		}
		time.Sleep(time.Minute)
		if !e.Ready() {
			t.Error("not ready after ReadyAfter")
		}
		e.SetReady(false)
		if e.Ready() {
			t.Error("ready although switched off")
		}
		e.SetReady(true)
		if err := e.Stop(t.Context()); err != nil || e.Ready() {
			t.Errorf("Stop: %v, ready %v", err, e.Ready())
		}
		if e.Name() != "mock" || !e.Capabilities().Embed || e.Capabilities().Tools {
			t.Errorf("%s %+v", e.Name(), e.Capabilities())
		}
	})
}
