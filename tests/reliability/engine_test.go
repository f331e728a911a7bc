package reliability

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/atomic"

	"inferd/tests/harness"
	"inferd/tests/reliability/observe"
	"inferd/tools/mkgguf"
)

// upstream is a server of the kind that openai-compat asks, with faults.
type upstream struct {
	*httptest.Server
	asked  atomic.Int64
	answer atomic.Pointer[http.HandlerFunc]
}

func newUpstream(t *testing.T, answer http.HandlerFunc) *upstream {
	t.Helper()
	u := &upstream{}
	u.answer.Store(&answer)
	u.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u.asked.Inc()
		_, _ = io.Copy(io.Discard, r.Body) // or the server does not notice a client that left
		(*u.answer.Load())(w, r)
	}))
	t.Cleanup(func() { u.CloseClientConnections(); u.Close() })
	return u
}

// daemon starts one that asks the upstream.
func (u *upstream) daemon(t *testing.T, flags ...string) *harness.Daemon {
	t.Helper()
	return harness.Start(t, append([]string{
		"--backend", "openai-compat", "--openai-base-url", u.URL, "--openai-model", "m",
		"--active-permits", "4",
	}, flags...)...)
}

// tokens sends n tokens and leaves the stream open.
func tokens(w http.ResponseWriter, n int) {
	w.Header().Set("Content-Type", "text/event-stream")
	for i := range n {
		fmt.Fprintf(w, "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"t%d\"}}]}\n\n", i)
	}
	w.(http.Flusher).Flush()
}

func healthy(w http.ResponseWriter, _ *http.Request) {
	tokens(w, 2)
	fmt.Fprint(w, "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"+
		"data: [DONE]\n\n")
}

func hang(r *http.Request) {
	select {
	case <-r.Context().Done():
	case <-time.After(opTimeout):
	}
}

// TestRow15_UpstreamFaults: each costs one error frame, three open the breaker,
// and then the upstream is left alone.
func TestRow15_UpstreamFaults(t *testing.T) {
	f := func(name string, frames int, answer http.HandlerFunc, flags ...string) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := newUpstream(t, answer)
			d := u.daemon(t, flags...)
			c := d.Dial(t)
			for i := range 3 {
				c.Send(harness.Ask("r"))
				all := c.Stream()
				if f := all[len(all)-1]; len(all) != frames || f.Outcome() != "backend_unavailable" {
					t.Errorf("request %d: %+v", i, all)
				}
			}
			asked := u.asked.Load()
			c.Send(harness.Ask("r"))
			if f := c.Last(); f.Outcome() != "backend_unavailable" {
				t.Errorf("%+v", f)
			}
			if u.asked.Load() != asked {
				t.Error("an open breaker asks the upstream")
			}
			s := observe.Dial(t, d).AwaitIdle(t)
			if s.Backends[0].Breaker != "open" {
				t.Errorf("the breaker is %s", s.Backends[0].Breaker)
			}
			d.AwaitEvent(t, "breaker_opened", nil)
		})
	}
	f("hangs before its first token", 1, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush()
		hang(r)
	}, "--openai-first-token-timeout", "300ms")
	f("hangs before its header", 1, func(_ http.ResponseWriter, r *http.Request) { hang(r) },
		"--openai-first-token-timeout", "300ms")
	f("hangs behind its first token", 2, func(w http.ResponseWriter, r *http.Request) {
		tokens(w, 1)
		hang(r)
	}, "--openai-idle-timeout", "300ms")
	f("stops without a done", 3, func(w http.ResponseWriter, _ *http.Request) { tokens(w, 2) })
	f("cut off", 2, func(w http.ResponseWriter, _ *http.Request) {
		tokens(w, 1)
		panic(http.ErrAbortHandler)
	})
	f("garbage", 1, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, "data: {{{\n\ndata: nonsense\n\n")
	})
	f("a web page", 1, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "<html>hello</html>")
	})
	f("500", 1, func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "broken", http.StatusInternalServerError)
	})
	f("bytes for ever without a line", 1, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for junk := make([]byte, 64<<10); ; {
			if _, err := w.Write(junk); err != nil {
				return
			}
		}
	})
}

// TestRow15_NobodyThere: a refused connection is an error frame too, and the
// daemon serves again when the upstream is back and the breaker lets a probe
// through.
func TestRow15_NobodyThere(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	url := "http://" + ln.Addr().String()
	_ = ln.Close()
	d := harness.Start(t, "--backend", "openai-compat", "--openai-base-url", url,
		"--openai-model", "m")
	c := d.Dial(t)
	c.Send(harness.Ask("r"))
	if f := c.Last(); f.Outcome() != "backend_unavailable" {
		t.Errorf("%+v", f)
	}
}

// TestRow15_NextBackendTakesOver once the first one's breaker is open.
func TestRow15_NextBackendTakesOver(t *testing.T) {
	t.Parallel()
	bad := newUpstream(t, func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "broken", http.StatusInternalServerError)
	})
	config := filepath.Join(harness.Dir(t), "c.json")
	must(t, os.WriteFile(config, []byte(`{"backends":[{"kind":"openai-compat","name":"bad",`+
		`"base_url":"`+bad.URL+`","model":"m"},{"kind":"mock","name":"good"}]}`), 0o600))
	d := harness.Start(t, "--config", config)
	c := d.Dial(t)
	var outcomes []string
	for range 6 {
		c.Send(harness.Ask("r"))
		outcomes = append(outcomes, c.Last().Outcome())
	}
	const want = "backend_unavailable backend_unavailable backend_unavailable done done done"
	if got := strings.Join(outcomes, " "); got != want {
		t.Errorf("outcomes %s", got)
	}
}

// TestRow16_HalfOpenProbe: behind the cooldown one request, not all, finds out
// whether the upstream is back. The cooldown is half a minute: by default the
// test only sees that nothing is asked before; at full size it waits.
func TestRow16_HalfOpenProbe(t *testing.T) {
	t.Parallel()
	u := newUpstream(t, func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "broken", http.StatusInternalServerError)
	})
	d := u.daemon(t)
	c := d.Dial(t)
	for range 3 {
		c.Send(harness.Ask("r"))
		c.Last()
	}
	// The probe takes until the rest of its crowd, the second, has been refused.
	var refused atomic.Int64
	rest := make(chan struct{})
	probe := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-rest:
			healthy(w, r)
		case <-r.Context().Done():
		}
	})
	u.answer.Store(&probe)
	path := d.Unix()
	crowd := func() (done int64) {
		var dones atomic.Int64
		clients(t, 8, func(int) error {
			c, err := harness.TryDial("unix", path)
			if err != nil {
				return err
			}
			defer c.Close()
			outcome, err := ask(c, "r")
			if outcome == "done" {
				dones.Inc()
			} else if refused.Inc() == 8+7 {
				close(rest)
			}
			return err
		})
		return dones.Load()
	}
	if done := crowd(); done != 0 || u.asked.Load() != 3 {
		t.Errorf("%d done and %d asked while the breaker is open", done, u.asked.Load()-3)
	}
	if !harness.Stress {
		return
	}
	time.Sleep(30 * time.Second) // the cooldown
	if done := crowd(); done != 1 || u.asked.Load() != 4 {
		t.Errorf("half open: %d done, %d asked, want one probe", done, u.asked.Load()-3)
	}
	d.AwaitEvent(t, "breaker_half_open", nil)
	d.AwaitEvent(t, "breaker_closed", nil)
	if done := crowd(); done != 8 {
		t.Errorf("%d of 8 done with a closed breaker", done)
	}
}

// TestRow22_UpstreamErrorText: what an upstream says reaches client, log and
// metrics without its secrets and control characters, and cut.
func TestRow22_UpstreamErrorText(t *testing.T) {
	t.Parallel()
	const secret = "sk-abcdefghijklmnopqrst0123456789"
	u := newUpstream(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprintf(w, `{"error":{"message":"bad key %s \u001b[31m Authorization: Bearer %s %s"}}`,
			secret, secret, strings.Repeat("long ", 10000))
	})
	d := u.daemon(t, "--openai-api-key", secret, "--metrics-addr", "127.0.0.1:0")
	c := d.Dial(t)
	c.Send(harness.Ask("r"))
	line := c.Line()
	if strings.Contains(line, secret) || strings.Contains(line, `\u001b`) || len(line) > 8<<10 {
		t.Errorf("the client gets %d bytes: %.300s", len(line), line)
	}
	d.AwaitEvent(t, "backend_failed", nil)
	text, err := os.ReadFile(d.Activity())
	must(t, err)
	all := string(text) + strings.Join(d.Log(), "\n") + fmt.Sprint(observe.Scrape(t, d))
	if strings.Contains(all, secret) {
		t.Error("the key is in the log or the metrics")
	}
}

// model writes a tiny model file and the flags that load it.
func model(t *testing.T, c mkgguf.Config) []string {
	t.Helper()
	if _, ok := harness.LlamaLib(); !ok {
		t.Fatal("the native libraries are missing: make lib")
	}
	path := filepath.Join(harness.Dir(t), "m.gguf")
	must(t, os.WriteFile(path, c.Bytes(), 0o600))
	return []string{"--model-path", path, "--n-ctx", "32768"} // long answers
}

// TestRow15_WorkerKilledUnderLoad: the engine's process dies; its requests get
// their frames, it comes back, and the next are served.
func TestRow15_WorkerKilledUnderLoad(t *testing.T) {
	d := harness.Start(t, append(model(t, mkgguf.Config{NeverEnds: true}),
		"--active-permits", "4", "--llama-threads", "1")...)
	workers := observe.Children(t, d.PID)
	if len(workers) != 1 {
		t.Fatalf("children %v, want one worker", workers)
	}
	watcher := d.DialAdmin(t)
	for watcher.Frame().Status != "ready" {
	}
	running := make([]*harness.Conn, 4)
	for i := range running {
		running[i] = d.Dial(t)
		running[i].Send(`{"id":"r","messages":[{"role":"user","content":"hi"}],` +
			`"max_tokens":100000}` + "\n")
	}
	for _, c := range running {
		c.Frame()
	}
	must(t, syscall.Kill(workers[0], syscall.SIGKILL))
	began := time.Now()
	for _, c := range running {
		f := c.Frame()
		for !f.Terminal() {
			f = c.Frame()
		}
		if f.Outcome() != "backend_unavailable" {
			t.Errorf("a request in the worker ends with %+v", f)
		}
	}
	told := time.Since(began)
	if f := watcher.Frame(); f.Status != "restarting" {
		t.Errorf("the admin socket says %+v", f)
	}
	for watcher.Frame().Status != "ready" {
	}
	back := time.Since(began)
	c := d.Dial(t)
	c.Send(`{"id":"r","messages":[{"role":"user","content":"hi"}],"max_tokens":4}` + "\n")
	if f := c.Last(); f.Outcome() != "done" {
		t.Errorf("behind the restart: %+v", f)
	}
	t.Logf("clients told within %v, back within %v", told.Round(time.Millisecond),
		back.Round(time.Millisecond))

	// The daemon's own death leaves no worker behind.
	workers = observe.Children(t, d.PID)
	d.Signal(t, syscall.SIGKILL)
	d.Wait(t)
	harness.Await(t, "the worker to follow its daemon", func() bool { return !observe.Alive(workers[0]) })
}

// TestRow23_ModelFiles: what is no whole model is refused with a clear error
// before anything listens.
func TestRow23_ModelFiles(t *testing.T) {
	good := mkgguf.Config{}.Bytes()
	flipped := func(at int) []byte {
		b := append([]byte(nil), good...)
		b[at] ^= 0xff
		return b
	}
	f := func(name string, content []byte) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := harness.Dir(t)
			path := filepath.Join(dir, "bad.gguf")
			must(t, os.WriteFile(path, content, 0o600))
			d := harness.Spec{Dir: dir, Flags: []string{"--model-path", path}}.Launch(t)
			code, stderr := d.Wait(t), strings.Join(d.Log(), "\n")
			if code != 1 || !strings.Contains(stderr, "gguf") {
				t.Errorf("exit code %d: %s", code, stderr)
			}
			if _, err := os.Lstat(d.Unix()); err == nil {
				t.Error("it had an inference socket")
			}
			if strings.Contains(stderr, "goroutine ") {
				t.Error("it crashed")
			}
		})
	}
	f("empty", nil)
	f("text", []byte("this is no model"))
	f("magic only", good[:4])
	f("header cut", good[:100])
	f("tensors cut", good[:len(good)/2])
	f("one byte short", good[:len(good)-1])
	f("other magic", flipped(0))
	f("other version", flipped(4))
	f("huge tensor count", flipped(14))
	f("huge key count", flipped(22))
}
