package openaicompat

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"inferd/engine"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// soon is a deadline that a test wants to see pass; never one it must not.
const (
	soon  = 30 * time.Millisecond
	never = time.Minute
)

// upstream is a real HTTP server on a real socket.
func upstream(t *testing.T, handle http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewUnstartedServer(handle)
	server.Config.ErrorLog = nil
	server.Start()
	t.Cleanup(server.Close)
	return server.URL
}

// newEngine makes an engine that is stopped before its upstream closes.
func newEngine(t *testing.T, o Options) *Engine {
	t.Helper()
	if o.Model == "" {
		o.Model = "m"
	}
	e, err := New(o, engine.Hooks{})
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

// collector is a sink that keeps what it gets. fail, if set, is its answer.
type collector struct {
	tokens []string
	fail   error
	onGet  func()
}

func (c *collector) Offer(text []byte) error { return c.Token(text, false) }

func (c *collector) Token(text []byte, _ bool) error {
	c.tokens = append(c.tokens, string(text))
	if c.onGet != nil {
		c.onGet()
	}
	return c.fail
}

func (c *collector) text() string { return strings.Join(c.tokens, "") }

func request() *engine.Request {
	return &engine.Request{
		ID:          "r1",
		Messages:    []engine.Message{{Role: "user", Content: "hi"}},
		Temperature: 1, TopP: 0.95, TopK: 64, MaxTokens: 1000,
	}
}

// generate runs the usual request against a handler.
func generate(t *testing.T, o Options, handle http.HandlerFunc) (string, engine.Result, error) {
	t.Helper()
	o.BaseURL = upstream(t, handle)
	var out collector
	result, err := newEngine(t, o).Generate(t.Context(), request(), &out)
	return out.text(), result, err
}

// readInto runs an answer's body through a generation, without a network.
func readInto(tb testing.TB, e *Engine, out engine.Sink, body io.Reader) (engine.Result, error) {
	tb.Helper()
	x, err := e.begin(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	defer x.end()
	g := generation{exchange: x, out: out}
	return g.read(body)
}

// stream answers with events, each flushed by itself.
func stream(w http.ResponseWriter, events ...string) {
	w.Header().Set("Content-Type", "text/event-stream")
	for _, event := range events {
		fmt.Fprintf(w, "data: %s\n\n", event)
		w.(http.Flusher).Flush()
	}
}

// delta is a chunk with text, finish one with a reason.
func delta(text string) string {
	return fmt.Sprintf(`{"choices":[{"index":0,"delta":{"content":%q}}]}`, text)
}

func finish(reason string) string {
	return fmt.Sprintf(`{"choices":[{"index":0,"delta":{},"finish_reason":%q}]}`, reason)
}

// serveRaw answers with exactly these bytes and closes the connection.
func serveRaw(answer string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		conn, buffered, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = buffered.WriteString(answer)
		_ = buffered.Flush()
	}
}

// hang blocks until the client is gone; it is how a server stalls.
func hang(r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body) // so that net/http watches the connection
	<-r.Context().Done()
}

// wantRefusal checks an error from before the first token.
func wantRefusal(t *testing.T, err error, kind engine.Kind, text string) {
	t.Helper()
	refusal, ok := errors.AsType[*engine.Error](err)
	if !ok {
		t.Errorf("got error %v, want an *engine.Error with %q", err, text)
		return
	}
	if refusal.Kind != kind || !strings.Contains(refusal.Text, text) {
		t.Errorf("got kind %d %q, want kind %d with %q", refusal.Kind, refusal.Text, kind, text)
	}
}

// wantBrokenOff checks an error from after the first token.
func wantBrokenOff(t *testing.T, err error, text string) {
	t.Helper()
	if !errors.Is(err, engine.ErrNoDone) || !strings.Contains(err.Error(), text) {
		t.Errorf("got error %v, want %q with %q", err, engine.ErrNoDone, text)
	}
}
