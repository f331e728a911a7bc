package llamacpp

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/atomic"

	"inferd/engine"
	"inferd/tools/mkgguf"
)

// discard takes every token.
type discard struct{}

func (discard) Token([]byte, bool) error { return nil }
func (discard) Offer([]byte) error       { return nil }

// BenchmarkGenerate: requests of 64 tokens from as many clients as sequences,
// with the native code in this process and in a worker. The custom metric is the
// sum over all clients.
func BenchmarkGenerate(b *testing.B) {
	const tokens = 64
	for _, sequences := range []int{1, 8, 64} {
		for _, isolation := range []string{IsolationNone, IsolationProcess} {
			b.Run(fmt.Sprintf("%s/%d", isolation, sequences), func(b *testing.B) {
				e := start(b, Options{Isolation: isolation, Parallel: sequences, NCtx: 512}, engine.Hooks{})
				b.ReportAllocs()
				b.ResetTimer()
				var wg sync.WaitGroup
				var left atomic.Int64
				left.Store(int64(b.N))
				for range sequences {
					wg.Go(func() {
						req := ask("hello there", tokens)
						for left.Dec() >= 0 {
							if _, err := e.Generate(b.Context(), req, discard{}); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				wg.Wait()
				b.ReportMetric(float64(b.N)*tokens/b.Elapsed().Seconds(), "tokens/s")
			})
		}
	}
}

// BenchmarkPrefixReuse: the time to the first token of a follow-up over a
// history of about a thousand tokens, with and without reuse.
func BenchmarkPrefixReuse(b *testing.B) {
	for _, reuse := range []bool{true, false} {
		b.Run(fmt.Sprintf("reuse=%v", reuse), func(b *testing.B) {
			e := start(b, Options{
				ModelBytes: mkgguf.Config{Dim: 256, Heads: 4, KVHeads: 4, FFN: 512, Layers: 4, NeverEnds: true}.Bytes(),
				NCtx:       2048, NoPrefixReuse: !reuse,
			}, engine.Hooks{})
			history := strings.Repeat("a b c d ", 125)
			for b.Loop() {
				if _, err := e.Generate(b.Context(), ask(history+"again", 1), discard{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestPrefixReuse_FirstTokenSooner: a follow-up turn over a long history reaches
// its first token in a fifth of the cold time, and says the same. On a machine
// that is busy with something else one of several tries is enough: it is the
// machine that makes the warm one slow, never the cold one quick.
func TestPrefixReuse_FirstTokenSooner(t *testing.T) {
	const tries = 5
	for i := range tries {
		want, cold, _ := followUp(t, Options{NoPrefixReuse: true})
		got, warm, usage := followUp(t, Options{})
		t.Logf("first token after %v with reuse, %v without; %+v", warm, cold, usage)
		if got != want {
			t.Fatalf("with reuse %q, without %q", got, want)
		}
		if usage.CachedPromptTokens < usage.PromptTokens*3/4 {
			t.Fatalf("%d of %d prompt tokens from the cache", usage.CachedPromptTokens, usage.PromptTokens)
		}
		if warm*5 <= cold {
			return
		}
		if i == tries-1 {
			t.Errorf("first token after %v with reuse, %v without", warm, cold)
		}
	}
}

// followUp asks for the second turn over a history of about a thousand tokens
// and gives its text and the time to its first token.
func followUp(t *testing.T, o Options) (text string, first time.Duration, usage engine.Usage) {
	t.Helper()
	o.ModelBytes = mkgguf.Config{
		Dim: 256, Heads: 4, KVHeads: 4, FFN: 512, Layers: 4, NeverEnds: true,
	}.Bytes()
	o.NCtx = 2048
	e := start(t, o, testHooks(t))
	turn := ask(strings.Repeat("a b c d ", 125), 30)
	answered, _ := answer(t, e, turn)
	turn = &engine.Request{MaxTokens: 20, TopP: 1, Messages: []engine.Message{
		turn.Messages[0],
		{Role: "assistant", Content: answered},
		{Role: "user", Content: "and then?"},
	}}
	began := time.Now()
	s := &sink{t: t, token: func(n int) error {
		if n == 1 {
			first = time.Since(began)
		}
		return nil
	}}
	r, err := e.Generate(t.Context(), turn, s)
	if err != nil {
		t.Fatal(err)
	}
	return s.text.String(), first, r.Usage
}
