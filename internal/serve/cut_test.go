package serve

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"inferd/engine"
	"inferd/loop"
	"inferd/route"
)

// TestCut_BehindAnEngineThatIgnoresIt: requests that wait are told of the end,
// although the one that runs holds the only worker.
func TestCut_BehindAnEngineThatIgnoresIt(t *testing.T) {
	started, hold := make(chan struct{}, 1), make(chan struct{})
	s := start(t, funcEngine(func(context.Context, *engine.Request, engine.Sink) (engine.Result, error) {
		started <- struct{}{}
		<-hold
		return engine.Result{}, nil
	}), Options{ActivePermits: 1, QueueDepth: 2})
	var readers []*bufio.Reader
	for i := range 3 {
		c, r := s.dial(t)
		io.WriteString(c, ask(fmt.Sprint(i)))
		if i == 0 {
			<-started
		}
		s.awaitAdmitted(i + 1)
		readers = append(readers, r)
	}
	s.Gate().Close()
	for range 2 { // a second one finds nothing more to do
		for _, c := range s.srv.Conns() {
			cut(c)
		}
	}
	frame := func(i int) string {
		return fmt.Sprintf(`{"type":"error","id":"%d","code":"backend_unavailable","message":%q}`, i, cutText)
	}
	expect(t, readers[1], frame(1))
	expect(t, readers[2], frame(2))
	s.awaitAdmitted(1)
	close(hold)
	expect(t, readers[0], frame(0))
}

// TestCut_RacesWithTheWorker: whoever gets to a request first, its client hears an
// answer or of the end.
func TestCut_RacesWithTheWorker(t *testing.T) {
	s := start(t, funcEngine(func(ctx context.Context, _ *engine.Request, out engine.Sink) (engine.Result, error) {
		return engine.Result{}, out.Token([]byte("x"), false)
	}), Options{ActivePermits: 1, QueueDepth: 8})
	const clients, rounds = 4, 300
	conns, readers := make([]net.Conn, clients), make([]*bufio.Reader, clients)
	for i := range clients {
		conns[i], readers[i] = s.dial(t)
	}
	for range rounds {
		for _, c := range conns {
			io.WriteString(c, ask("r"))
		}
		for _, c := range s.srv.Conns() {
			cut(c)
		}
		for _, r := range readers {
			for {
				line, err := r.ReadString('\n')
				if err != nil {
					t.Fatal(err)
				}
				if !strings.HasPrefix(line, `{"type":"token"`) {
					break
				}
			}
		}
	}
}

// TestCut_AdmittedMeanwhile: a request that no connection had yet when all were cut is
// refused, too.
func TestCut_AdmittedMeanwhile(t *testing.T) {
	s := start(t, funcEngine(func(context.Context, *engine.Request, engine.Sink) (engine.Result, error) {
		t.Error("the engine was started")
		return engine.Result{}, nil
	}), Options{ActivePermits: 1})
	s.Cut(nil)
	c, r := s.dial(t)
	io.WriteString(c, ask("r"))
	expect(t, r, `{"type":"error","id":"r","code":"backend_unavailable","message":"`+cutText+`"}`)
}

// TestQueueWait_OfALongLine: the time that its decoding takes is not its engine's.
func TestQueueWait_OfALongLine(t *testing.T) {
	w := worker{freeAt: 2}
	s := start(t, funcEngine(func(context.Context, *engine.Request, engine.Sink) (engine.Result, error) {
		return engine.Result{}, nil
	}), Options{ActivePermits: 1})
	for _, aside := range []bool{false, true} {
		r := &request{svc: s.Service, ctx: new(cancelContext), arrived: 1, aside: aside}
		if r.begin(&w); (r.started == 2) == aside {
			t.Errorf("aside is %v: started at %d, and the worker was free at 2", aside, r.started)
		}
	}
}

// TestCancelContext_FirstReasonStays: a request that was cut ends with its frame,
// also when its client leaves then.
func TestCancelContext_FirstReasonStays(t *testing.T) {
	f := func(want ending, reasons ...ending) {
		t.Helper()
		c := new(cancelContext)
		done := c.Done()
		for _, why := range reasons {
			c.cancel(why)
		}
		<-done
		if c.ending() != want || !errors.Is(c.Err(), context.Canceled) {
			t.Errorf("cancelled for %v: ending %d, want %d", reasons, c.ending(), want)
		}
		if c.reset(); c.ending() != running || c.Err() != nil {
			t.Errorf("after a reset: ending %d, %v", c.ending(), c.Err())
		}
	}
	f(daemonEnded, daemonEnded, clientGone)
	f(clientGone, clientGone, daemonEnded)
}

// brittle panics when it is asked whether it is ready.
type brittle struct{ funcEngine }

func (brittle) Ready() bool { panic("ready") }

// TestPanic_InPick costs one request, like a panic in Generate.
func TestPanic_InPick(t *testing.T) {
	panics := make(chan any, 2)
	s := start(t, brittle{}, Options{ActivePermits: 1, OnPanic: func(v any) { panics <- v }})
	c, r := s.dial(t)
	for range 2 {
		io.WriteString(c, ask("x"))
		expect(t, r, `{"type":"error","id":"x","code":"internal","message":"internal error"}`)
		if v := <-panics; v != "ready" {
			t.Errorf("contained %v", v)
		}
	}
}

// TestBreaker_HearsOnlyOfTheBackend: an answer that was clear without the backend
// clears no failure, and a client's mistake adds none.
func TestBreaker_HearsOnlyOfTheBackend(t *testing.T) {
	results := make(chan func() (engine.Result, error), 1)
	s := start(t, funcEngine(func(context.Context, *engine.Request, engine.Sink) (engine.Result, error) {
		return (<-results)()
	}), Options{ActivePermits: 1})
	c, r := s.dial(t)
	f := func(res engine.Result, err error, want route.State) {
		t.Helper()
		results <- func() (engine.Result, error) { return res, err }
		io.WriteString(c, ask("x"))
		if _, err := r.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		if got := s.opt.Router.State("the-entry"); got != want {
			t.Errorf("after %+v, %v the breaker is %v, want %v", res, err, got, want)
		}
	}
	down, mistake := engine.Errorf(engine.Unavailable, "down"), engine.Errorf(engine.Invalid, "no")
	f(engine.Result{}, down, route.Closed)
	f(engine.Result{}, down, route.Closed)
	f(engine.Result{}, nil, route.Closed) // forgets the two
	f(engine.Result{}, down, route.Closed)
	f(engine.Result{}, down, route.Closed)
	f(engine.Result{Untried: true}, nil, route.Closed) // does not
	f(engine.Result{}, mistake, route.Closed)
	f(engine.Result{}, down, route.Open)
}

// TestRequestID_IsCut: what an operator sees of an id is short and holds no secret,
// however long the id is.
func TestRequestID_IsCut(t *testing.T) {
	started, hold := make(chan struct{}), make(chan struct{})
	s := start(t, funcEngine(func(context.Context, *engine.Request, engine.Sink) (engine.Result, error) {
		started <- struct{}{}
		<-hold
		return engine.Result{}, nil
	}), Options{ActivePermits: 1})
	c, r := s.dial(t)
	io.WriteString(c, ask("sk-abcdefghijklmnop123 "+strings.Repeat("x", 1<<20)))
	<-started
	for _, conn := range s.srv.Conns() {
		conn.WithTask(func(task loop.Task) {
			id := RequestID(task)
			if len(id) != maxShownIDBytes || !strings.HasPrefix(id, "[REDACTED:api-key] xxx") {
				t.Errorf("%d bytes: %.40q", len(id), id)
			}
		})
	}
	close(hold)
	if _, err := r.ReadString('\n'); err != nil {
		t.Error(err)
	}
}
