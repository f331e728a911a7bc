package llamacpp

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"inferd/engine"
	"inferd/tools/mkgguf"
)

// testLibDir is lib/llama of the repository.
func testLibDir(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the test")
		}
		dir = filepath.Dir(dir)
	}
	dir = filepath.Join(dir, "lib", "llama")
	if _, err := os.Stat(dir); err != nil {
		t.Fatalf("the llama.cpp libraries are missing (%v); run `make lib`", err)
	}
	return dir
}

// testLog writes the engine's log to the test's.
type testLog struct{ t testing.TB }

func (l testLog) Write(b []byte) (int, error) {
	l.t.Log(strings.TrimSpace(string(b)))
	return len(b), nil
}

func testHooks(t testing.TB) engine.Hooks {
	return engine.Hooks{Log: slog.New(slog.NewTextHandler(testLog{t}, nil))}
}

// start makes an engine of a small random model that never ends by itself.
func start(t testing.TB, o Options, hooks engine.Hooks) *Engine {
	t.Helper()
	if len(o.ModelBytes) == 0 && o.ModelPath == "" {
		o.ModelBytes = mkgguf.Config{NeverEnds: true}.Bytes()
	}
	o.LibDir = testLibDir(t)
	if o.NCtx == 0 {
		o.NCtx = 1024
	}
	e, err := New(t.Context(), o, hooks)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Stop(context.Background()); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	return e
}

// sink collects text; after limit tokens it refuses more.
type sink struct {
	t      testing.TB
	text   strings.Builder
	tokens int
	token  func(n int) error // called before the n-th token is taken, from 1
	waits  bool              // token may wait, so that nothing is taken that is only offered
}

func (s *sink) Offer(text []byte) error {
	if s.waits {
		return engine.ErrFull
	}
	return s.Token(text, false)
}

func (s *sink) Token(text []byte, _ bool) error {
	s.tokens++
	if s.token != nil {
		if err := s.token(s.tokens); err != nil {
			return err
		}
	}
	if !utf8.Valid(text) || len(text) == 0 {
		s.t.Errorf("delta %q is not whole characters", text)
	}
	s.text.Write(text)
	return nil
}

func ask(prompt string, maxTokens uint32) *engine.Request {
	return &engine.Request{
		Messages:  []engine.Message{{Role: "user", Content: prompt}},
		MaxTokens: maxTokens, TopP: 1,
	}
}

// answer runs one request to its end.
func answer(t testing.TB, e *Engine, req *engine.Request) (string, engine.Result) {
	t.Helper()
	s := &sink{t: t}
	r, err := e.Generate(t.Context(), req, s)
	if err != nil {
		t.Fatalf("generate: %v", err)
	}
	return s.text.String(), r
}

// eachIsolation runs a test with the native code here and in a worker.
func eachIsolation(t *testing.T, f func(t *testing.T, o Options)) {
	for _, isolation := range []string{IsolationNone, IsolationProcess} {
		t.Run(isolation, func(t *testing.T) { f(t, Options{Isolation: isolation}) })
	}
}

// TestStats_JSON: the counters have their names on the admin socket for good.
func TestStats_JSON(t *testing.T) {
	got, err := json.Marshal(Stats{
		Steps: 1, Tokens: 2, PromptTokens: 3, CachedPromptTokens: 4, Restarts: 5, Sequences: 6,
	})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"steps":1,"tokens":2,"prompt_tokens":3,"cached_prompt_tokens":4,"restarts":5,"sequences":6}`
	if string(got) != want {
		t.Errorf("stats are %s, want %s", got, want)
	}
}

func TestGenerate_Greedy(t *testing.T) {
	eachIsolation(t, func(t *testing.T, o Options) {
		e := start(t, o, testHooks(t))
		text, r := answer(t, e, ask("hello", 24))
		if len(text) < 10 || r.Stop != engine.StopLength || r.Usage.CompletionTokens != 24 {
			t.Errorf("%q, %+v", text, r)
		}
		if r.Usage.PromptTokens < 10 {
			t.Errorf("prompt of %d tokens", r.Usage.PromptTokens)
		}
		again, _ := answer(t, e, ask("hello", 24))
		if again != text {
			t.Errorf("the second time %q, not %q", again, text)
		}
	})
}

func TestGenerate_TogetherAsAlone(t *testing.T) {
	eachIsolation(t, func(t *testing.T, o Options) {
		prompts := []string{"a", "tell me a story", "sum 1 2 3", strings.Repeat("long prompt ", 60), "x y", "b", "c", "d"}
		o.Parallel = len(prompts)
		e := start(t, o, testHooks(t))
		want := make([]string, len(prompts))
		for i, p := range prompts {
			want[i], _ = answer(t, e, ask(p, 40))
		}
		for range 3 {
			var wg sync.WaitGroup
			for i, p := range prompts {
				wg.Go(func() {
					s := &sink{t: t}
					if _, err := e.Generate(t.Context(), ask(p, 40), s); err != nil {
						t.Errorf("%q: %v", p, err)
					} else if s.text.String() != want[i] {
						t.Errorf("%.20q among others: %q, alone %q", p, s.text.String(), want[i])
					}
				})
			}
			wg.Wait()
		}
	})
}

// TestNew_AnotherFile: the daemon tells this mistake from failures that may pass.
func TestNew_AnotherFile(t *testing.T) {
	eachIsolation(t, func(t *testing.T, o Options) {
		o.ModelPath = filepath.Join(t.TempDir(), "m.gguf")
		if err := os.WriteFile(o.ModelPath, mkgguf.Config{}.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		o.ModelSHA256, o.LibDir = strings.Repeat("0", 64), testLibDir(t)
		_, err := New(t.Context(), o, testHooks(t))
		if !errors.Is(err, ErrHash) || !strings.HasSuffix(err.Error(), ", not the configured one") ||
			!strings.HasPrefix(err.Error(), "model file "+o.ModelPath+" has SHA-256 ") {
			t.Errorf("%v", err)
		}
	})
}

func TestGenerate_Ends(t *testing.T) {
	eachIsolation(t, func(t *testing.T, o Options) {
		o.NCtx = 256
		e := start(t, o, testHooks(t))
		_, r := answer(t, e, ask("hello", 0))
		if r.Stop != engine.StopLength || r.Usage.CompletionTokens != 0 || r.Usage.PromptTokens == 0 {
			t.Errorf("max_tokens 0: %+v", r)
		}
		_, r = answer(t, e, ask("hello", 5000))
		if total := r.Usage.PromptTokens + r.Usage.CompletionTokens; r.Stop != engine.StopLength || total != 257 {
			t.Errorf("full context: %+v", r)
		}
		_, err := e.Generate(t.Context(), ask(strings.Repeat("q w e ", 300), 5), &sink{t: t})
		var refusal *engine.Error
		if !errors.As(err, &refusal) || refusal.Kind != engine.Invalid || !strings.Contains(refusal.Text, "context of 256") {
			t.Errorf("long prompt: %v", err)
		}
		_, err = e.Generate(t.Context(), ask(strings.Repeat("q", 1<<20), 5), &sink{t: t})
		if !errors.As(err, &refusal) || refusal.Kind != engine.Invalid {
			t.Errorf("huge prompt: %v", err)
		}
	})
}

// TestGenerate_SmallContext: a context that is no multiple of what the library rounds to
// is what was asked for, and a step never more than the library takes.
func TestGenerate_SmallContext(t *testing.T) {
	eachIsolation(t, func(t *testing.T, o Options) {
		for _, size := range []struct{ nCtx, parallel int }{{100, 4}, {300, 1}, {40, 1}} {
			o.NCtx, o.Parallel = size.nCtx, size.parallel
			e := start(t, o, testHooks(t))
			fill := func(letters int) error { // as many tokens, and those of the template
				_, err := e.Generate(t.Context(), ask(strings.Repeat("q", letters), 3), &sink{t: t})
				return err
			}
			for range 2 { // the second time beside a cache with something in it
				var all sync.WaitGroup
				for range 2 * size.parallel {
					all.Go(func() {
						if err := fill(size.nCtx - 35); err != nil {
							t.Errorf("%+v: %v", size, err)
						}
					})
					all.Go(func() {
						var refusal *engine.Error
						err := fill(size.nCtx + 40)
						if !errors.As(err, &refusal) || refusal.Kind != engine.Invalid {
							t.Errorf("%+v, a longer prompt: %v", size, err)
						}
					})
				}
				all.Wait()
			}
		}
	})
}

// TestGenerate_CharactersWithoutTokens: what is spelled byte by byte, which takes the
// library long, and does not fit is refused before.
func TestGenerate_CharactersWithoutTokens(t *testing.T) {
	e := start(t, Options{NCtx: 4096}, testHooks(t))
	_, err := e.Generate(t.Context(), ask(strings.Repeat("\U00012000", 30_000), 1), &sink{t: t})
	var refusal *engine.Error
	if !errors.As(err, &refusal) || !strings.Contains(refusal.Text, "prompt of 120000 tokens or more") {
		t.Errorf("%v", err)
	}
	if _, err = e.Generate(t.Context(), ask(strings.Repeat("\U00012000", 500), 1), &sink{t: t}); err != nil {
		t.Errorf("what fits: %v", err)
	}
}

func TestGenerate_Grammar(t *testing.T) {
	eachIsolation(t, func(t *testing.T, o Options) {
		o.ModelBytes = mkgguf.Config{}.Bytes()
		e := start(t, o, testHooks(t))
		req := ask("yes or no?", 20)
		req.Grammar = `root ::= "yes" | "no"`
		for _, temperature := range []float64{0, 1.5} {
			req.Temperature = temperature
			text, r := answer(t, e, req)
			if text != "yes" && text != "no" || r.Stop != engine.StopEnd {
				t.Errorf("temperature %v: %q, %+v", temperature, text, r)
			}
		}
	})
}

func TestGenerate_Cancel(t *testing.T) {
	eachIsolation(t, func(t *testing.T, o Options) {
		o.Parallel, o.NCtx = 2, 8192
		e := start(t, o, testHooks(t))
		for _, waits := range []bool{false, true} {
			ctx, cancel := context.WithCancel(t.Context())
			s := &sink{t: t, waits: waits, token: func(n int) error {
				if n == 3 {
					cancel()
				}
				return nil
			}}
			if _, err := e.Generate(ctx, ask("hello", 8000), s); !errors.Is(err, context.Canceled) {
				t.Errorf("cancelled: %v", err)
			}
			gone := errors.New("gone")
			s = &sink{t: t, waits: waits, token: func(n int) error {
				if n == 3 {
					return gone
				}
				return nil
			}}
			if _, err := e.Generate(t.Context(), ask("hello", 8000), s); !errors.Is(err, gone) {
				t.Errorf("sink refused: %v", err)
			}
			if s.tokens != 3 {
				t.Errorf("%d tokens after the refusal", s.tokens-3)
			}
			if n := e.Stats().Sequences; n != 0 {
				t.Errorf("%d sequences still run", n)
			}
		}
	})
}

// TestLocal_StopWaitsNoLongerThanItMay: native code in a Start can not be
// interrupted.
func TestLocal_StopWaitsNoLongerThanItMay(t *testing.T) {
	e := start(t, Options{Isolation: IsolationNone}, testHooks(t))
	l := e.host.(*local)
	l.mu.RLock() // as a Start that does not return
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	stopped := make(chan error, 1)
	go func() { stopped <- e.Stop(ctx) }()
	select {
	case err := <-stopped:
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("stop: %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("Stop did not return")
	}
	l.mu.RUnlock()
	for free := false; !free; runtime.Gosched() {
		l.mu.RLock()
		free = l.closed
		l.mu.RUnlock()
	}
}

func TestGenerate_SlowClientHoldsNobodyUp(t *testing.T) {
	eachIsolation(t, func(t *testing.T, o Options) {
		o.Parallel = 2
		e := start(t, o, testHooks(t))
		blocked, release := make(chan struct{}), make(chan struct{})
		slow := &sink{t: t, waits: true, token: func(n int) error {
			if n == 1 {
				close(blocked)
				<-release
			}
			return nil
		}}
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := e.Generate(t.Context(), ask("slow", 200), slow); err != nil {
				t.Error(err)
			}
		})
		<-blocked
		if _, r := answer(t, e, ask("fast", 300)); r.Usage.CompletionTokens != 300 {
			t.Errorf("%+v", r)
		}
		close(release)
		wg.Wait()
		if slow.tokens < 100 { // bytes of one character may come as one delta
			t.Errorf("the slow client got %d deltas", slow.tokens)
		}
	})
}
