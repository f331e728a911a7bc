package wire

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// upstream is an HTTP server that speaks the chat API and answers only what the
// test tells it to.
type upstream struct {
	*httptest.Server
	arrivals chan *work
}

// work is one request at an upstream. Its steps run on the test's goroutine and
// are done when they return.
type work struct {
	Header http.Header
	Body   chatBody
	// Gone is closed when the daemon has ended the HTTP request.
	Gone <-chan struct{}

	steps    chan func(http.ResponseWriter)
	stepDone chan struct{}
}

type chatBody struct {
	Model       string
	Stream      bool
	Messages    []struct{ Role, Content string }
	Temperature *float64
	TopP        *float64 `json:"top_p"`
	TopK        *int     `json:"top_k"`
	MaxTokens   *int     `json:"max_tokens"`
	Grammar     *string
}

func newUpstream(t *testing.T) *upstream {
	t.Helper()
	u := &upstream{arrivals: make(chan *work, 64)}
	ended := make(chan struct{})
	u.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		job := &work{
			Header: r.Header, Gone: r.Context().Done(),
			steps: make(chan func(http.ResponseWriter)), stepDone: make(chan struct{}),
		}
		if r.URL.Path != "/v1/chat/completions" || json.NewDecoder(r.Body).Decode(&job.Body) != nil {
			http.NotFound(w, r)
			return
		}
		u.arrivals <- job
		for {
			select {
			case step, ok := <-job.steps:
				if !ok {
					return
				}
				if step == nil {
					close(job.stepDone)
					panic(http.ErrAbortHandler)
				}
				step(w)
				job.stepDone <- struct{}{}
			case <-r.Context().Done():
				return
			case <-ended:
				return
			}
		}
	}))
	t.Cleanup(func() {
		close(ended)
		u.CloseClientConnections()
		u.Close()
	})
	return u
}

// flags make a daemon serve this upstream.
func (u *upstream) flags(more ...string) []string {
	return append([]string{
		"--backend", "openai-compat", "--openai-base-url", u.URL, "--openai-model", "m",
	}, more...)
}

// next waits for a request.
func (u *upstream) next(t *testing.T) *work {
	t.Helper()
	select {
	case w := <-u.arrivals:
		return w
	case <-time.After(opTimeout):
		t.Fatal("no request reached the upstream")
		return nil
	}
}

// step runs f in the handler, unless the daemon has left.
func (w *work) step(f func(http.ResponseWriter)) {
	select {
	case w.steps <- f:
		<-w.stepDone
	case <-w.Gone:
	}
}

// raw writes a piece of the answer's body.
func (w *work) raw(s string) {
	w.step(func(rw http.ResponseWriter) {
		rw.Header().Set("Content-Type", "text/event-stream")
		_, _ = rw.Write([]byte(s))
		rw.(http.Flusher).Flush()
	})
}

// say sends a token.
func (w *work) say(text string) {
	w.raw(fmt.Sprintf(`data: {"choices":[{"index":0,"delta":{"content":%q}}]}`+"\n\n", text))
}

// finish ends the stream as it should be, with a usage of 7 and 3.
func (w *work) finish(reason string) {
	w.raw(fmt.Sprintf(`data: {"choices":[{"index":0,"delta":{},"finish_reason":%q}]}`+"\n\n"+
		`data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3}}`+"\n\n"+
		"data: [DONE]\n\n", reason))
	w.end()
}

// end returns from the handler.
func (w *work) end() { close(w.steps) }

// breakOff cuts the connection.
func (w *work) breakOff() { w.step(nil) }

// status answers with one and a body.
func (w *work) status(code int, body string) {
	w.step(func(rw http.ResponseWriter) {
		rw.WriteHeader(code)
		_, _ = rw.Write([]byte(body))
	})
	w.end()
}
