package serve

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"inferd/engine"
	"inferd/engine/mock"
	"inferd/internal/activity"
	"inferd/loop"
	"inferd/route"
)

// stack is a whole serving stack around one engine, on a Unix socket.
type stack struct {
	*Service
	srv  *loop.Server
	path string
}

func start(t testing.TB, eng engine.Engine, o Options) *stack {
	t.Helper()
	dir, err := os.MkdirTemp("", "serve")
	if err != nil {
		t.Fatal(err)
	}
	router, err := route.New([]route.Entry{{Name: "the-entry", Engine: eng}}, route.Options{})
	if err != nil {
		t.Fatal(err)
	}
	o.Router = router
	if o.Log == nil {
		o.Log = activity.Open(activity.Options{Dir: filepath.Join(dir, "logs")})
	}
	s := &stack{Service: New(o), path: filepath.Join(dir, "s")}
	if s.srv, err = loop.Start(loop.Options{Loops: 1, OnPanic: o.OnPanic}); err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("unix", s.path)
	if err != nil {
		t.Fatal(err)
	}
	s.srv.Serve(ln, s.V1(V1Options{}), loop.ListenOptions{})
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		s.srv.Shutdown(ctx, 0)
		s.Stop()
		o.Log.Close(context.Background())
		os.RemoveAll(dir)
		if n := s.Gate().Count(); n != 0 {
			t.Errorf("%d tickets never came back", n)
		}
	})
	return s
}

// awaitAdmitted waits until n requests hold a ticket, of which the gate sends no
// event.
func (s *stack) awaitAdmitted(n int) {
	for s.Gate().Count() != n {
		time.Sleep(time.Millisecond)
	}
}

func (s *stack) dial(t testing.TB) (net.Conn, *bufio.Reader) {
	t.Helper()
	c, err := net.Dial("unix", s.path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(20 * time.Second))
	return c, bufio.NewReader(c)
}

func ask(id string) string {
	return fmt.Sprintf(`{"id":%q,"messages":[{"role":"user","content":"hi"}]}`+"\n", id)
}

func expect(t *testing.T, r *bufio.Reader, want ...string) {
	t.Helper()
	for _, w := range want {
		got, err := r.ReadString('\n')
		if err != nil || strings.TrimSuffix(got, "\n") != w {
			t.Fatalf("got %q, %v; want %q", got, err, w)
		}
	}
}

// funcEngine is an engine made of one function.
type funcEngine func(context.Context, *engine.Request, engine.Sink) (engine.Result, error)

func (funcEngine) Name() string               { return "func" }
func (funcEngine) Ready() bool                { return true }
func (funcEngine) Stop(context.Context) error { return nil }
func (funcEngine) Capabilities() engine.Capabilities {
	return engine.Capabilities{V1: true}
}

func (f funcEngine) Generate(
	ctx context.Context, r *engine.Request, out engine.Sink,
) (engine.Result, error) {
	return f(ctx, r, out)
}

// TestOutcomes: what an engine returns is what the client is told.
func TestOutcomes(t *testing.T) {
	f := func(name string, gen funcEngine, want ...string) {
		t.Run(name, func(t *testing.T) {
			s := start(t, gen, Options{ActivePermits: 1, OnPanic: func(any) {}})
			c, r := s.dial(t)
			io.WriteString(c, ask("x"))
			expect(t, r, want...)
			io.WriteString(c, "\n") // the connection lives on
			io.WriteString(c, `{"id":"y","messages":[]}`+"\n")
			expect(t, r, `{"type":"error","id":"y","code":"invalid_request",`+
				`"message":"invalid request: messages must not be empty"}`)
		})
	}
	errFrame := func(code, text string) string {
		return fmt.Sprintf(`{"type":"error","id":"x","code":%q,"message":%q}`, code, text)
	}
	fail := func(err error) funcEngine {
		return func(context.Context, *engine.Request, engine.Sink) (engine.Result, error) {
			return engine.Result{}, err
		}
	}
	f("not ready", fail(engine.ErrNotReady), errFrame("backend_unavailable", "backend not ready"))
	f("invalid", fail(engine.Errorf(engine.Invalid, "too long")),
		errFrame("invalid_request", "too long"))
	f("unavailable", fail(engine.Errorf(engine.Unavailable, "upstream down")),
		errFrame("backend_unavailable", "upstream down"))
	f("internal", fail(engine.Errorf(engine.Internal, "bug")), errFrame("internal", "bug"))
	f("wrapped", fail(fmt.Errorf("more: %w", engine.Errorf(engine.Invalid, "too long"))),
		errFrame("invalid_request", "too long"))
	f("a secret in the text", fail(engine.Errorf(engine.Unavailable, "key sk-abcdefghijklmnop123")),
		errFrame("backend_unavailable", "key [REDACTED:api-key]"))
	const noDone = "backend ended stream without terminal frame"
	f("no done, no token", fail(engine.ErrNoDone), errFrame("backend_unavailable", noDone))
	f("an error of no kind", fail(errors.New("private detail")),
		errFrame("backend_unavailable", noDone))
	token := `{"type":"token","id":"x","content":"one"}`
	after := func(end func() (engine.Result, error)) funcEngine {
		return func(_ context.Context, _ *engine.Request, out engine.Sink) (engine.Result, error) {
			if err := out.Token([]byte("one"), false); err != nil {
				return engine.Result{}, err
			}
			return end()
		}
	}
	f("a refusal after a token", after(func() (engine.Result, error) {
		return engine.Result{}, engine.Errorf(engine.Invalid, "late")
	}), token, errFrame("backend_unavailable", noDone))
	f("panic", after(func() (engine.Result, error) { panic("engine bug") }),
		token, errFrame("internal", "internal error"))
	f("length", after(func() (engine.Result, error) {
		return engine.Result{Stop: engine.StopLength, Usage: engine.Usage{PromptTokens: 3, CompletionTokens: 1}}, nil
	}), token, `{"type":"done","id":"x","content":"one","usage":{"prompt_tokens":3,"completion_tokens":1},`+
		`"stop_reason":"length","backend":"func"}`)
}

// TestRequest_ReachesTheEngineWhole: nothing of it changes or is left over from
// the request before, although every buffer is used again.
func TestRequest_ReachesTheEngineWhole(t *testing.T) {
	seen := make(chan string, 1)
	s := start(t, funcEngine(func(_ context.Context, r *engine.Request, _ engine.Sink) (engine.Result, error) {
		seen <- fmt.Sprintf("%s %v %g %g %d %d %d %q",
			r.ID, r.Messages, r.Temperature, r.TopP, r.TopK, r.MaxTokens, r.ImageTokenBudget, r.Grammar)
		return engine.Result{}, nil
	}), Options{ActivePermits: 1})
	c, r := s.dial(t)
	f := func(line, want string) {
		t.Helper()
		io.WriteString(c, line+"\n")
		if got := <-seen; got != want {
			t.Errorf("the engine got\n%s, want\n%s", got, want)
		}
		if _, err := r.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	f(`{"id":"full","messages":[{"role":"system","content":"be terse"},{"role":"user","content":"2+2?"}],`+
		`"temperature":0.2,"top_p":0.9,"top_k":40,"max_tokens":16,"stream":true,"image_token_budget":280,`+
		`"grammar":"root ::= [0-9]+"}`,
		`full [{system be terse} {user 2+2?}] 0.2 0.9 40 16 280 "root ::= [0-9]+"`)
	f(`{"messages":[{"role":"user","content":"é\n"}]}`, " [{user é\n}] 1 0.95 64 1000 0 \"\"")
	long := strings.Repeat("long ", 60_000) // decoded off the loop
	f(`{"id":"l","messages":[{"role":"user","content":"`+long+`"}]}`,
		"l [{user "+long+"}] 1 0.95 64 1000 0 \"\"")
	f(`{"id":"s","messages":[{"role":"user","content":"short"}]}`, `s [{user short}] 1 0.95 64 1000 0 ""`)
}

// TestQueue_FirstInFirstOut: waiting requests start in the order of arrival, and
// one whose client leaves makes room at once.
func TestQueue_FirstInFirstOut(t *testing.T) {
	started, release := make(chan string), make(chan struct{})
	s := start(t, funcEngine(func(ctx context.Context, r *engine.Request, _ engine.Sink) (engine.Result, error) {
		started <- strings.Clone(r.ID)
		select {
		case <-release:
			return engine.Result{}, nil
		case <-ctx.Done():
			return engine.Result{}, ctx.Err()
		}
	}), Options{ActivePermits: 1, QueueDepth: 3})
	conns := make([]net.Conn, 5)
	readers := make([]*bufio.Reader, 5)
	for i := range conns {
		conns[i], readers[i] = s.dial(t)
	}
	for i, id := range []string{"a", "b", "c", "d"} {
		io.WriteString(conns[i], ask(id))
		if i == 0 {
			<-started
		}
		s.awaitAdmitted(i + 1)
	}
	io.WriteString(conns[4], ask("e"))
	got, _ := readers[4].ReadString('\n')
	if !strings.HasPrefix(got, `{"type":"error","id":"e","code":"queue_full","message":"queue full","retry_after_ms":`) ||
		!strings.HasSuffix(got, `,"active":1,"queued":3}`+"\n") {
		t.Errorf("got %q", got)
	}
	conns[2].Close() // c leaves the middle of the queue
	s.awaitAdmitted(3)
	io.WriteString(conns[4], ask("e"))
	for _, want := range []string{"b", "d", "e"} {
		release <- struct{}{}
		if got := <-started; got != want {
			t.Fatalf("%q started, want %q", got, want)
		}
	}
	conns[4].Close() // the running one: cancelled, the ticket back when it has stopped
	s.awaitAdmitted(0)
}

func TestStreamFalse_OnlyTheLastFrame(t *testing.T) {
	s := start(t, mock.New(mock.Options{Texts: []string{"a", "\"b\"", "ü"}}), Options{ActivePermits: 1})
	c, r := s.dial(t)
	io.WriteString(c, `{"id":"q","stream":false,"messages":[{"role":"user","content":""}]}`+"\n")
	expect(t, r, `{"type":"done","id":"q","content":"a\"b\"ü","usage":{"prompt_tokens":0,"completion_tokens":3},`+
		`"stop_reason":"end","backend":"mock"}`)
}

// TestLongID: no frame reaches the cap on lines, whatever id it has to carry.
func TestLongID(t *testing.T) {
	const maxAnswer = 1000
	s := start(t, mock.New(mock.Options{}), Options{ActivePermits: 1, maxAnswer: maxAnswer})
	f := func(n int, want ...string) {
		t.Helper()
		c, r := s.dial(t)
		id := strings.Repeat("x", n)
		io.WriteString(c, ask(id)+ask("y"))
		for _, w := range want {
			got, err := r.ReadString('\n')
			if got = strings.Replace(got, id, "ID", 1); got != w || err != nil && w != "" {
				t.Errorf("id of %d bytes: %q, %v; want %q", n, got, err, w)
			}
		}
	}
	const next = `{"type":"token","id":"y","content":"mock-response"}` + "\n"
	f(maxAnswer-len(`""mock-response`),
		`{"type":"token","id":"ID","content":"mock-response"}`+"\n",
		`{"type":"done","id":"ID","content":"mock-response",`+
			`"usage":{"prompt_tokens":0,"completion_tokens":1},"stop_reason":"end","backend":"mock"}`+"\n",
		next)
	f(maxAnswer-len(`""`), `{"type":"error","id":"ID","code":"internal",`+
		`"message":"the answer exceeds the frame limit"}`+"\n", next)
	f(maxAnswer-1, `{"type":"error","id":"","code":"frame_too_large",`+
		`"message":"id leaves no room for an answer"}`+"\n", "")
}

func TestClosedGate(t *testing.T) {
	s := start(t, mock.New(mock.Options{}), Options{ActivePermits: 1})
	c, r := s.dial(t)
	s.Gate().Close()
	io.WriteString(c, ask("late")+ask("later"))
	expect(t, r, `{"type":"error","id":"late","code":"backend_unavailable","message":"admission closed"}`)
	if _, err := r.ReadByte(); err != io.EOF {
		t.Errorf("the connection stays open: %v", err)
	}
}

func TestPick_NoBackend(t *testing.T) {
	off := mock.New(mock.Options{})
	off.SetReady(false)
	s := start(t, off, Options{ActivePermits: 1})
	c, r := s.dial(t)
	io.WriteString(c, ask("x"))
	expect(t, r, `{"type":"error","id":"x","code":"backend_unavailable","message":"no backend available"}`)
}

// TestAlloc_StreamAndReject holds the promise of the hot paths: nothing is
// allocated for a streamed token, a request, or a rejection.
func TestAlloc_StreamAndReject(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	const tokens = 64
	block := make(chan struct{})
	s := start(t, mock.New(mock.Options{Tokens: tokens}), Options{ActivePermits: 1, QueueDepth: 10})
	stepping := start(t, mock.New(mock.Options{Tokens: tokens, TokenDelay: 1}), Options{ActivePermits: 1})
	full := start(t, funcEngine(func(ctx context.Context, _ *engine.Request, _ engine.Sink) (engine.Result, error) {
		select {
		case <-block:
		case <-ctx.Done():
		}
		return engine.Result{}, nil
	}), Options{ActivePermits: 1})
	holder, _ := full.dial(t)
	io.WriteString(holder, ask("holder"))
	full.awaitAdmitted(1)
	f := func(name string, s *stack, line string, lines int, limit float64) {
		t.Helper()
		c, _ := s.dial(t)
		req, buf := []byte(line), make([]byte, 64<<10)
		round := func() {
			if _, err := c.Write(req); err != nil {
				t.Fatal(err)
			}
			for got := 0; got < lines; {
				n, err := c.Read(buf)
				if err != nil {
					t.Fatal(err)
				}
				got += bytes.Count(buf[:n], []byte("\n"))
			}
		}
		for range 200 {
			round() // pools and maps grow to their size
		}
		if n := testing.AllocsPerRun(500, round); n > limit {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
	f("64 tokens at once", s, ask("r1"), tokens+1, 0)
	f("64 tokens streamed", stepping, ask("r1"), tokens+1, 0)
	f("rejected", full, ask("r2"), 1, 0)
	f("invalid", s, `{"id":"bad","messages":[]}`+"\n", 1, 0)
	close(block)
}
