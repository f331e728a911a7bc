//go:build !race && !stdjson && amd64

package openaicompat

import (
	"bufio"
	"strings"
	"testing"

	"inferd/engine"
)

// counting is a sink that counts bytes.
type counting int

func (c *counting) Offer(text []byte) error { return c.Token(text, false) }

func (c *counting) Token(text []byte, _ bool) error {
	*c += counting(len(text))
	return nil
}

// streamed is an answer of n tokens, as OpenAI's API sends it.
func streamed(n int) string {
	const chunk = `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1694268190,` +
		`"model":"m","system_fingerprint":"fp","choices":[{"index":0,"delta":{"content":"a\nb"},` +
		`"logprobs":null,"finish_reason":null}],"usage":null}` + "\n\n"
	return strings.Repeat(chunk, n) + "data: " + finish("stop") + "\n\ndata: [DONE]\n\n"
}

// readStreamed reads a whole answer as Generate does, but for the connection.
func readStreamed(tb testing.TB, e *Engine, source *bufio.Reader, answer string) {
	var out counting
	source.Reset(strings.NewReader(answer))
	result, err := readInto(tb, e, &out, source)
	if err != nil || result.Stop != engine.StopEnd || out == 0 {
		tb.Fatalf("%v, %v, %d bytes", result, err, out)
	}
}

// TestAllocations: a token of an upstream's costs none.
func TestAllocations(t *testing.T) {
	e := newEngine(t, Options{BaseURL: "http://127.0.0.1:1"})
	source := bufio.NewReader(nil)
	short, long := streamed(10), streamed(1010)
	allocs := func(answer string) float64 {
		return testing.AllocsPerRun(20, func() { readStreamed(t, e, source, answer) })
	}
	if few, many := allocs(short), allocs(long); many-few > 1 {
		t.Errorf("1000 tokens more cost %.0f allocations", many-few)
	}
}

func BenchmarkStream(b *testing.B) {
	const tokens = 1000
	e, err := New(Options{BaseURL: "http://127.0.0.1:1", Model: "m"}, engine.Hooks{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = e.Stop(b.Context()) }()
	source, answer := bufio.NewReader(nil), streamed(tokens)
	b.ReportAllocs()
	for b.Loop() {
		readStreamed(b, e, source, answer)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/tokens, "ns/token")
}
