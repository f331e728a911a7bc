package openaicompat

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"inferd/engine"
)

// readAnswer is readInto for an engine that never gives up.
func readAnswer(t testing.TB, body io.Reader) (*collector, engine.Result, error) {
	t.Helper()
	e := &Engine{log: slog.New(slog.DiscardHandler), life: context.Background()}
	e.options.Timeout, e.options.FirstTokenTimeout, e.options.IdleTimeout = never, never, never
	var out collector
	result, err := readInto(t, e, &out, body)
	return &out, result, err
}

// What each kind of server sends must give the same answer, in one piece and
// with a read boundary at every byte, also inside UTF-8.
func TestRecordedStreams(t *testing.T) {
	usage := engine.Usage{PromptTokens: 23, CompletionTokens: 7}
	f := func(name string, tokens []string, want engine.Result) {
		t.Helper()
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		readers := map[string]io.Reader{
			"whole":      bytes.NewReader(data),
			"one byte":   iotest.OneByteReader(bytes.NewReader(data)),
			"half reads": iotest.HalfReader(bytes.NewReader(data)),
			"data+EOF":   iotest.DataErrReader(bytes.NewReader(data)),
			"no blank":   strings.NewReader(strings.TrimRight(string(data), "\r\n")),
		}
		for at := range data {
			readers[fmt.Sprintf("split at %d", at)] = io.MultiReader(
				bytes.NewReader(data[:at]), bytes.NewReader(data[at:]))
		}
		for how, r := range readers {
			out, got, err := readAnswer(t, r)
			if err != nil {
				t.Fatalf("%s, %s: %v", name, how, err)
			}
			if diff := cmp.Diff(tokens, out.tokens); diff != "" {
				t.Fatalf("%s, %s: tokens\n%s", name, how, diff)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("%s, %s: result\n%s", name, how, diff)
			}
		}
	}
	cached := usage
	cached.CachedPromptTokens = 16
	greeting := []string{"Grüße", " 世界 🌍"}
	f("vllm.sse", greeting, engine.Result{Stop: engine.StopEnd, Usage: cached})
	f("llama-server-recorded.sse", []string{"I", " am", " h", "ere", " and", " it"}, engine.Result{
		Stop:  engine.StopLength,
		Usage: engine.Usage{PromptTokens: 9, CompletionTokens: 6, CachedPromptTokens: 8},
	})
	f("llama-server.sse", greeting, engine.Result{Stop: engine.StopLength, Usage: usage})
	f("ollama.sse", greeting, engine.Result{Stop: engine.StopEnd, Usage: usage})
	f("lm-studio.sse", greeting, engine.Result{Stop: engine.StopEnd, Usage: usage})
	f("proxy.sse", greeting, engine.Result{Stop: engine.StopEnd, Usage: usage})
}

func TestStream_Success(t *testing.T) {
	f := func(body, wantText string, want engine.Result) {
		t.Helper()
		out, got, err := readAnswer(t, strings.NewReader(body))
		if err != nil {
			t.Errorf("%.60q: %v", body, err)
			return
		}
		if out.text() != wantText || got != want {
			t.Errorf("%.60q: got %q %+v, want %q %+v", body, out.text(), got, wantText, want)
		}
	}
	event := func(data ...string) string {
		return "data: " + strings.Join(data, "\n\ndata: ") + "\n\n"
	}
	ended := func(reason string) string { return event(delta("a"), finish(reason), "[DONE]") }

	f(ended("stop"), "a", engine.Result{Stop: engine.StopEnd})
	f(ended("length"), "a", engine.Result{Stop: engine.StopLength})
	f(ended("tool_calls"), "a", engine.Result{Stop: engine.StopEnd})
	f(ended("content_filter"), "a", engine.Result{Stop: engine.StopEnd})
	f(event(delta("a"), "[DONE]"), "a", engine.Result{Stop: engine.StopError})
	f(event("[DONE]"), "", engine.Result{Stop: engine.StopError})
	f(event(finish("stop")), "", engine.Result{Stop: engine.StopEnd}) // no [DONE] but a reason
	f(event(delta("a"), finish("stop"), "[DONE]", delta("never read")), "a",
		engine.Result{Stop: engine.StopEnd})
	f(event(delta("a"), "{garbage", "null", `1`, `"ping"`, delta("b"), finish("stop")),
		"ab", engine.Result{Stop: engine.StopEnd})
	// No blank lines between events.
	f("data: "+delta("a")+"\ndata: "+delta("b")+"\ndata: "+finish("stop")+"\ndata: [DONE]\n", "ab",
		engine.Result{Stop: engine.StopEnd})
	// Lone surrogates and bytes that are no UTF-8 become replacement characters.
	f(event(`{"choices":[{"delta":{"content":"x\ud83dy`+"\xff"+`z"}}]}`, finish("stop")),
		"x\uFFFDy\uFFFDz", engine.Result{Stop: engine.StopEnd})
	f(event(`{"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":6,`+
		`"prompt_tokens_details":{"cached_tokens":9}}}`, finish("stop")), "",
		engine.Result{Stop: engine.StopEnd, Usage: engine.Usage{
			PromptTokens: 5, CompletionTokens: 6, CachedPromptTokens: 5,
		}})
	// Statistics of odd types cost no text.
	f(event(`{"choices":[{"delta":{"content":"a","reasoning":{"steps":[1]}}}],"usage":{`+
		`"prompt_tokens":12.0,"completion_tokens":"six","prompt_tokens_details":[]}}`,
		`{"choices":[{"delta":{"content":"b"}}],"usage":"none"}`, finish("stop")), "ab",
		engine.Result{Stop: engine.StopEnd})
	f(event(`{"choices":[],"usage":{"prompt_tokens":12.0,"completion_tokens":-1,`+
		`"prompt_tokens_details":{"cached_tokens":1e99}}}`, finish("stop")), "",
		engine.Result{Stop: engine.StopEnd, Usage: engine.Usage{PromptTokens: 12}})
	// A stream was asked for, one object came.
	f(" \n"+`{"choices":[{"message":{"role":"assistant","content":"whole"},`+
		`"finish_reason":"length"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}`, "whole",
		engine.Result{Stop: engine.StopLength, Usage: engine.Usage{PromptTokens: 1, CompletionTokens: 2}})
	f(`{"choices":[{"message":{"content":"once"},"delta":{"content":"once"},`+
		`"finish_reason":"stop"}]}`, "once", engine.Result{Stop: engine.StopEnd})
	f(`{"choices":[{"message":{"content":null},"delta":{"content":"a"},`+
		`"finish_reason":"stop"}]}`, "a", engine.Result{Stop: engine.StopEnd})
}

func TestStream_BeforeFirstToken(t *testing.T) {
	f := func(body string, kind engine.Kind, want string) {
		t.Helper()
		out, _, err := readAnswer(t, strings.NewReader(body))
		wantRefusal(t, err, kind, want)
		if out.tokens != nil {
			t.Errorf("%.60q: the sink got %q", body, out.tokens)
		}
	}
	f("", engine.Unavailable, "answer is empty")
	f("\r\n \n", engine.Unavailable, "answer is empty")
	f("<html>login</html>", engine.Unavailable, "web page")
	f("hello\n\n", engine.Unavailable, "ended the stream before")
	f("data: {\"cho", engine.Unavailable, "ended the stream before")
	f(`{"choices":[`, engine.Unavailable, "not a chat completion")
	f(`{"hello":"world"}`, engine.Unavailable, "not a chat completion")
	f(`{"error":{"message":"too long","code":400}}`, engine.Invalid, "reported an error: too long")
	f(`{"error":"model is gone"}`, engine.Unavailable, "reported an error: model is gone")
	f(`{"error":{"message":"bad sk-abcdef","code":"401"}}`, engine.Unavailable, "access denied")
	f("data: {\"error\":{\"message\":\"out\\nof memory\",\"code\":500}}\n\ndata: [DONE]\n\n",
		engine.Unavailable, "reported an error: out of memory")
	f(strings.Repeat("data: garbage\n\n", maxBadEvents), engine.Unavailable, "too many events")
	f("data: "+strings.Repeat("x", maxEventBytes)+"\n\n", engine.Unavailable, "larger than 1 MiB")
	f(strings.Repeat("data: "+strings.Repeat("x", maxEventBytes/4)+"\n", 5)+"\n",
		engine.Unavailable, "larger than 1 MiB")
	f(": "+strings.Repeat("x", 2*maxEventBytes), engine.Unavailable, "larger than 1 MiB")
}

func TestStream_AfterFirstToken(t *testing.T) {
	f := func(rest, want string) {
		t.Helper()
		out, _, err := readAnswer(t, strings.NewReader("data: "+delta("a")+"\n\n"+rest))
		wantBrokenOff(t, err, want)
		if out.text() != "a" {
			t.Errorf("%.60q: the sink got %q, want the first token", rest, out.tokens)
		}
	}
	f("", "ended the stream before")
	f("data: {\"choices\":[{\"del", "ended the stream before")
	f("data: {\"error\":{\"message\":\"engine died\"}}\n\ndata: [DONE]\n\n", "engine died")
	f(strings.Repeat("data: garbage\n\n", maxBadEvents), "too many events")
	f("data: "+strings.Repeat("x", maxEventBytes)+"\n\n", "larger than 1 MiB")
	// JSON that is not understood may hold text: no hole in an answer that ends well.
	rest := "data: " + finish("stop") + "\n\ndata: [DONE]\n\n"
	f(`data: {"choices":[{"delta":{"content":["not "]}}]}`+"\n\n"+rest, "not of the form")
	f(`data: {"choices":[{"delta":{"content":"not "},"finish_reason":1}]}`+"\n\n"+rest, "not of the form")
	f("data: ["+delta("not ")+"]\n\n"+rest, "not of the form")
	f(`data: {"choices":"x"}`+"\n\n"+rest, "not of the form")
}

func TestAnswerIsBounded(t *testing.T) {
	endless := &limitedBody{ReadCloser: io.NopCloser(endlessReader{}), left: maxAnswerBytes}
	_, _, err := readAnswer(t, endless)
	wantRefusal(t, err, engine.Unavailable, "larger than 64 MiB")
}

// An answer of many tiny pieces takes memory by its own size, not by theirs.
func TestAnswerIsNotMultiplied(t *testing.T) {
	const pieces, most = 1 << 20, 16 // times the answer's size, for buffers that grow
	f := func(member string, read func(body string)) {
		t.Helper()
		body := `{"` + member + `":[` + strings.Repeat("{},", pieces) + `{}]}`
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		read(body)
		runtime.ReadMemStats(&after)
		if got := (after.TotalAlloc - before.TotalAlloc) / uint64(len(body)); got > most {
			t.Errorf("%s: %d times the answer's size was allocated, want %d at most",
				member, got, most)
		}
	}
	f("choices", func(body string) {
		if _, _, err := readAnswer(t, strings.NewReader(body)); err != nil {
			t.Error(err)
		}
	})
	f("data", func(body string) {
		_, err := new(Engine).embeddings([]byte(body), 2, 0)
		wantRefusal(t, err, engine.Unavailable, "not one vector for each input")
	})
}

// endlessReader is a server that sends comments for ever.
type endlessReader struct{}

func (endlessReader) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ':'
	}
	p[len(p)-1] = '\n'
	return len(p), nil
}

// The tokens of a recorded stream reach the sink one by one while the upstream
// is still open: nothing is held back.
func TestTokensAreNotHeldBack(t *testing.T) {
	got := make(chan struct{})
	base := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		for _, text := range []string{"a", "b", "c"} {
			stream(w, delta(text))
			select {
			case <-got: // the next only when this one has arrived
			case <-r.Context().Done():
				return
			}
		}
		stream(w, finish("stop"), "[DONE]")
	})
	out := collector{onGet: func() { got <- struct{}{} }}
	result, err := newEngine(t, Options{BaseURL: base}).Generate(t.Context(), request(), &out)
	if err != nil || result.Stop != engine.StopEnd || out.text() != "abc" {
		t.Errorf("got %q, %+v, %v", out.text(), result, err)
	}
}

func FuzzAnswer(f *testing.F) {
	names, err := filepath.Glob("testdata/*.sse")
	if err != nil || len(names) == 0 {
		f.Fatal("no seeds", err)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(`{"choices":[{"message":{"content":"x"},"finish_reason":"stop"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		whole, wholeResult, wholeErr := readAnswer(t, bytes.NewReader(data))
		split, splitResult, splitErr := readAnswer(t, iotest.OneByteReader(bytes.NewReader(data)))
		if diff := cmp.Diff(whole.tokens, split.tokens); diff != "" {
			t.Errorf("tokens depend on read boundaries\n%s", diff)
		}
		if wholeResult != splitResult || fmt.Sprint(wholeErr) != fmt.Sprint(splitErr) {
			t.Errorf("result depends on read boundaries: %+v %v, %+v %v",
				wholeResult, wholeErr, splitResult, splitErr)
		}
		for _, token := range whole.tokens {
			if token == "" || !utf8.ValidString(token) {
				t.Errorf("token %q is empty or no UTF-8", token)
			}
		}
	})
}
