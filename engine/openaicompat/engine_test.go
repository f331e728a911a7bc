package openaicompat

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/atomic"

	"inferd/engine"
)

func TestNew_Failure(t *testing.T) {
	f := func(o Options, want string) {
		t.Helper()
		_, err := New(o, engine.Hooks{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error quotes a secret: %v", err)
		}
	}
	f(Options{Model: "m"}, "must begin with http")
	f(Options{Model: "m", BaseURL: "ftp://h"}, "must begin with http")
	f(Options{Model: "m", BaseURL: "http://"}, "names no host")
	f(Options{Model: "m", BaseURL: "http://h\x7f"}, "not a URL")
	f(Options{Model: "m", BaseURL: "http://u:hunter2@h"}, "must not hold a user")
	f(Options{Model: "m", BaseURL: "http://h/?key=hunter2"}, "must not hold a query")
	f(Options{Model: " ", BaseURL: "http://h"}, "model must not be empty")
	f(Options{Model: "m", BaseURL: "http://h", APIKey: "hunter2\n"}, "api key has a space")
	f(Options{Model: "m", BaseURL: "http://h", Timeout: -1}, "timeout must not be negative")
	f(Options{Model: "m", BaseURL: "http://h", ProbePath: "x"}, "probe path must begin with /")
}

func TestBaseURL(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got, err := parseBaseURL(in); err != nil || got != want {
			t.Errorf("%q: got %q, %v; want %q", in, got, err, want)
		}
	}
	f("http://h:1", "http://h:1")
	f("https://h///", "https://h")
	f("https://h/llm/", "https://h/llm")
	f("https://h/llm/v1/", "https://h/llm") // as many servers document it
	f(" HTTP://h/v1 ", "http://h")
}

func TestCapabilities(t *testing.T) {
	e := newEngine(t, Options{BaseURL: "http://127.0.0.1:1", Model: "gemma"})
	c := e.Capabilities()
	if !c.V1 || c.Embed || c.Model != "gemma" || e.Name() != "openai-compat" || !e.Ready() {
		t.Errorf("%s %+v ready=%t", e.Name(), c, e.Ready())
	}
	c = newEngine(t, Options{BaseURL: "http://127.0.0.1:1", Embed: true}).Capabilities()
	if c.V1 || !c.Embed {
		t.Errorf("an embedding model says %+v", c)
	}
}

// seen is what an upstream was asked.
type seen struct {
	method, path, authorization string
	body                        map[string]any
}

func TestRequest(t *testing.T) {
	f := func(o Options, req *engine.Request, want seen) {
		t.Helper()
		var got seen
		o.BaseURL = upstream(t, func(w http.ResponseWriter, r *http.Request) {
			got = seen{method: r.Method, path: r.URL.Path}
			got.authorization = strings.Join(r.Header.Values("Authorization"), ",")
			if r.Header.Get("Accept-Encoding") != "" || r.Header.Get("Content-Type") != "application/json" {
				t.Errorf("headers %v", r.Header)
			}
			if err := json.NewDecoder(r.Body).Decode(&got.body); err != nil {
				t.Errorf("body: %v", err)
			}
			stream(w, finish("stop"), "[DONE]")
		}) + "/"
		if _, err := newEngine(t, o).Generate(t.Context(), req, &collector{}); err != nil {
			t.Errorf("generate: %v", err)
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(seen{})); diff != "" {
			t.Error(diff)
		}
	}
	body := func(extra map[string]any) map[string]any {
		b := map[string]any{
			"model":    "m",
			"messages": []any{map[string]any{"role": "user", "content": "hi"}},
			"stream":   true, "stream_options": map[string]any{"include_usage": true},
			"temperature": 1.0, "top_p": 0.95, "max_tokens": 1000.0,
		}
		for k, v := range extra {
			b[k] = v
		}
		return b
	}
	want := seen{method: "POST", path: "/v1/chat/completions", body: body(nil)}
	f(Options{}, request(), want) // top_k is dropped, no key means no header

	want.authorization = "Bearer k3y"
	f(Options{APIKey: "k3y"}, request(), want)

	want.authorization = ""
	want.body = body(map[string]any{"top_k": 64.0})
	f(Options{PassTopK: true}, request(), want)

	req := request()
	req.Grammar = `root ::= "a" | "<b>"`
	want.body = body(map[string]any{"grammar": req.Grammar})
	f(Options{PassGrammar: true}, req, want)

	req = request()
	req.Messages = []engine.Message{
		{Role: "system", Content: "be <brief> & \"kind\"\n"},
		{Role: "user", Content: "Grüße 🌍"},
		{Role: "assistant", Content: ""},
	}
	req.Temperature = -1
	want.body = body(map[string]any{"temperature": 0.0, "messages": []any{
		map[string]any{"role": "system", "content": "be <brief> & \"kind\"\n"},
		map[string]any{"role": "user", "content": "Grüße 🌍"},
		map[string]any{"role": "assistant", "content": ""},
	}})
	f(Options{}, req, want)
}

// Nothing is asked where the answer is known.
func TestAnsweredWithoutUpstream(t *testing.T) {
	e := newEngine(t, Options{BaseURL: upstream(t, func(http.ResponseWriter, *http.Request) {
		t.Error("the upstream was asked")
	})})
	req := request()
	req.Grammar = "root ::= [a-z]"
	_, err := e.Generate(t.Context(), req, &collector{})
	wantRefusal(t, err, engine.Invalid, "grammar is not supported")

	req = request()
	req.MaxTokens = 0
	result, err := e.Generate(t.Context(), req, &collector{})
	if err != nil || result.Stop != engine.StopLength || !result.Untried {
		t.Errorf("no tokens wanted: %+v, %v", result, err)
	}
}

func TestHelloWorld(t *testing.T) {
	text, result, err := generate(t, Options{}, func(w http.ResponseWriter, _ *http.Request) {
		stream(w, delta("hello"), delta(" world"), finish("stop"),
			`{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3}}`, "[DONE]")
	})
	want := engine.Result{
		Stop: engine.StopEnd, Usage: engine.Usage{PromptTokens: 7, CompletionTokens: 3},
	}
	if err != nil || text != "hello world" || result != want {
		t.Errorf("got %q, %+v, %v", text, result, err)
	}
}

// One connection serves all requests: each answer is read to its end.
func TestConnectionIsReused(t *testing.T) {
	var addresses sync.Map
	base := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		addresses.Store(r.RemoteAddr, true)
		stream(w, delta("a"), finish("stop"), "[DONE]")
	})
	e := newEngine(t, Options{BaseURL: base})
	for range 5 {
		if _, err := e.Generate(t.Context(), request(), &collector{}); err != nil {
			t.Fatal(err)
		}
	}
	connections := 0
	addresses.Range(func(any, any) bool { connections++; return true })
	if connections != 1 {
		t.Errorf("5 requests took %d connections, want 1", connections)
	}
}

// An upstream that keeps the connection open behind [DONE] delays nothing.
func TestAnswerNeverEnded(t *testing.T) {
	text, result, err := generate(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		stream(w, delta("a"), finish("stop"), "[DONE]")
		hang(r)
	})
	if err != nil || text != "a" || result.Stop != engine.StopEnd {
		t.Errorf("got %q, %+v, %v", text, result, err)
	}
}

// The caller's end aborts the HTTP request, before and in the middle of it.
func TestCancel(t *testing.T) {
	f := func(name string, first ...string) {
		t.Helper()
		aborted := make(chan struct{})
		arrived := make(chan struct{})
		e := newEngine(t, Options{BaseURL: upstream(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			if first != nil {
				stream(w, first...)
			}
			close(arrived)
			hang(r)
			close(aborted)
		})})
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			<-arrived
			cancel()
		}()
		_, err := e.Generate(ctx, request(), &collector{})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v, want %v", name, err, context.Canceled)
		}
		<-aborted
	}
	f("before the header")
	f("before the first token", `{"choices":[]}`)
	f("after the first token", delta("a"))
}

// An error of the sink comes back as it is and aborts the HTTP request.
func TestSinkError(t *testing.T) {
	aborted := make(chan struct{})
	e := newEngine(t, Options{BaseURL: upstream(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		stream(w, delta("a"), delta("b"))
		hang(r)
		close(aborted)
	})})
	gone := errors.New("client gone")
	out := collector{fail: gone}
	_, err := e.Generate(t.Context(), request(), &out)
	if !errors.Is(err, gone) || errors.Is(err, engine.ErrNoDone) || len(out.tokens) != 1 {
		t.Errorf("got %v after %d tokens, want %v after 1", err, len(out.tokens), gone)
	}
	<-aborted
}

// Stop ends what runs and refuses what comes.
func TestStop(t *testing.T) {
	arrived := make(chan struct{})
	e := newEngine(t, Options{BaseURL: upstream(t, func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		hang(r)
	})})
	ended := make(chan error)
	go func() {
		_, err := e.Generate(context.Background(), request(), &collector{})
		ended <- err
	}()
	<-arrived
	stopped := make(chan error)
	go func() { stopped <- e.Stop(context.Background()) }()
	wantRefusal(t, <-ended, engine.NotReady, "backend not ready")
	if err := <-stopped; err != nil {
		t.Errorf("stop: %v", err)
	}
	if e.Ready() {
		t.Error("ready after Stop")
	}
	_, err := e.Generate(t.Context(), request(), &collector{})
	wantRefusal(t, err, engine.NotReady, "backend not ready")
}

// The probe turns readiness off after two failures and on again after one
// success, and tells the daemon each time.
func TestProbe(t *testing.T) {
	var healthy atomic.Bool
	var asked atomic.Int32
	base := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Inc()
		if r.Method != http.MethodGet || r.URL.Path != "/health" {
			t.Errorf("probe is %s %s", r.Method, r.URL.Path)
		}
		if !healthy.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	type change struct {
		ready  bool
		reason string
	}
	changes := make(chan change, 1)
	e, err := New(Options{
		BaseURL: base, Model: "m", ProbeInterval: soon / 10, ProbePath: "/health",
	}, engine.Hooks{State: func(ready bool, reason string) { changes <- change{ready, reason} }})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := <-changes, (change{false, "upstream HTTP 503"}); got != want || e.Ready() {
		t.Errorf("got %+v, ready %t; want %+v, not ready", got, e.Ready(), want)
	}
	if n := asked.Load(); n < probesDown {
		t.Errorf("down after %d probes, want at least %d", n, probesDown)
	}
	healthy.Store(true)
	if got, want := <-changes, (change{true, ""}); got != want || !e.Ready() {
		t.Errorf("got %+v, ready %t; want %+v, ready", got, e.Ready(), want)
	}
	if err := e.Stop(t.Context()); err != nil {
		t.Errorf("stop: %v", err)
	}
}

func TestProbeReasons(t *testing.T) {
	f := func(base, want string) {
		t.Helper()
		o := Options{BaseURL: base, ConnectTimeout: never}
		if want == "no answer in time" {
			o.ConnectTimeout = soon
		}
		e := newEngine(t, o)
		if got := e.probe(); got != want {
			t.Errorf("%s: got %q, want %q", base, got, want)
		}
	}
	status := func(code int) string {
		return upstream(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) })
	}
	f(status(http.StatusOK), "")
	f(status(http.StatusNotFound), "") // somebody is there
	f(status(http.StatusUnauthorized), "")
	f(status(http.StatusBadGateway), "upstream HTTP 502")
	f(upstream(t, func(_ http.ResponseWriter, r *http.Request) { hang(r) }), "no answer in time")
	f("http://"+closedPort(t), "upstream refused the connection")
}

// closedPort is an address where nobody listens.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// TestPhase: an upstream has no model file; watchers of the boot get its address
// instead, and nothing of a configuration that is refused.
func TestPhase(t *testing.T) {
	f := func(o Options, want ...engine.Phase) {
		t.Helper()
		var got []engine.Phase
		e, err := New(o, engine.Hooks{Phase: func(p engine.Phase) { got = append(got, p) }})
		if err == nil {
			defer func() { _ = e.Stop(t.Context()) }()
		}
		if (err == nil) != (want != nil) || !slices.Equal(got, want) {
			t.Errorf("%+v published %+v (%v), want %+v", o, got, err, want)
		}
	}
	f(Options{BaseURL: " https://llm.example/v1 ", Model: "some/model", APIKey: "sk-secret"},
		engine.Phase{
			Name: "checking_local", Path: "(openai-compat: https://llm.example/v1 / some/model)",
		})
	f(Options{BaseURL: "https://user:secret@llm.example", Model: "m"})
	f(Options{BaseURL: "https://llm.example?key=secret", Model: "m"})
}
