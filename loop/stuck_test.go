package loop

import (
	"bufio"
	"context"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/atomic"
)

// listenOn starts srv on a Unix socket.
func listenOn(t *testing.T, srv *Server, h Handler) (dial func() net.Conn) {
	t.Helper()
	ln, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	srv.Serve(ln, h, ListenOptions{})
	return func() net.Conn {
		c, err := net.Dial("unix", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
}

// TestShutdown_LeavesAStuckLoopBehind: a handler that does not return keeps its
// loop, not the shutdown.
func TestShutdown_LeavesAStuckLoopBehind(t *testing.T) {
	s := newScript()
	srv, err := Start(Options{Loops: 1})
	if err != nil {
		t.Fatal(err)
	}
	c := listenOn(t, srv, s)()
	send(t, c, "block\n")
	<-s.holding
	t.Cleanup(func() { close(s.unblock) })
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if cut := srv.Shutdown(ended, 0); cut != 1 { // that it returns is the point
		t.Errorf("%d connections cut, want 1", cut)
	}
}

// slowLines are lanes whose long lines take until release.
type slowLines struct {
	*script
	handled atomic.Int64
	enter   chan struct{}
}

func (s *slowLines) NewLane() Lane { return slowLane{scriptLane{s.script}, s} }

type slowLane struct {
	scriptLane
	slow *slowLines
}

func (l slowLane) Line(c *Conn, line, dst []byte, at int64, keep bool) ([]byte, Action) {
	if !keep {
		return l.scriptLane.Line(c, line, dst, at, keep)
	}
	l.slow.handled.Inc()
	l.slow.enter <- struct{}{}
	<-l.slow.unblock
	return dst, Next
}

// TestDecodeAside_NotForTheGone: a long line that waits for its turn is dropped when
// its client has left, and holds no input any more.
func TestDecodeAside_NotForTheGone(t *testing.T) {
	s := &slowLines{script: newScript(), enter: make(chan struct{}, 100)}
	srv, err := Start(Options{Loops: 1})
	if err != nil {
		t.Fatal(err)
	}
	dial := listenOn(t, srv, s)
	line := strings.Repeat("x", 2*inlineLineBytes) + "\n"
	const clients = 20
	var conns []net.Conn
	for range clients {
		c := dial()
		send(t, c, line)
		conns = append(conns, c)
	}
	atOnce := cap(srv.decodeSlots)
	for range atOnce {
		<-s.enter
	}
	await(func() bool { return srv.Inbound() == int64(clients*len(line)) })
	for _, c := range conns {
		c.Close()
	}
	await(func() bool { return srv.Count() == 0 })
	close(s.unblock)
	await(func() bool { return srv.Inbound() == 0 })
	if n := s.handled.Load(); n != int64(atOnce) {
		t.Errorf("%d lines handled, want the %d that were begun", n, atOnce)
	}
	srv.Shutdown(t.Context(), 0)
}

// panicsOnClose is a handler whose Closed panics.
type panicsOnClose struct{ *script }

func (panicsOnClose) Closed(*Conn, Reason) { panic("Closed") }

// TestPanic_OfTheClock: a handler that panics where a deadline closes a connection
// costs that connection alone, and one at a shutdown does not end the process.
func TestPanic_OfTheClock(t *testing.T) {
	s := newScript()
	told := make(chan any, 10)
	srv, err := Start(Options{
		Loops: 1, OnPanic: func(v any) { told <- v },
		Timeouts: Timeouts{Idle: 50 * time.Millisecond},
	})
	if err != nil {
		t.Fatal(err)
	}
	dial := listenOn(t, srv, panicsOnClose{s})
	busy := dial()
	send(t, busy, "hold\n")
	<-s.holding
	idle := dial()
	send(t, idle, "say hello\n")
	expect(t, bufio.NewReader(idle), "hello")
	if v := <-told; v != "Closed" {
		t.Errorf("told of %v", v)
	}
	s.release <- struct{}{}
	expect(t, bufio.NewReader(busy), "held")
	srv.Shutdown(t.Context(), 0)
}

// faultCounter counts what its lanes are told.
type faultCounter struct {
	*script
	faults chan Fault
}

func (s *faultCounter) NewLane() Lane { return countingLane{scriptLane{s.script}, s} }

type countingLane struct {
	scriptLane
	counter *faultCounter
}

func (l countingLane) Fault(c *Conn, f Fault, dst []byte) []byte {
	l.counter.faults <- f
	return l.scriptLane.Fault(c, f, dst)
}

// TestInboundLimit_OnABusyConnection: its lane is told, the client is not, since an
// answer is on the way to it.
func TestInboundLimit_OnABusyConnection(t *testing.T) {
	s := &faultCounter{script: newScript(), faults: make(chan Fault, 10)}
	srv, err := Start(Options{Loops: 1, MaxInboundBytes: 100 * kib})
	if err != nil {
		t.Fatal(err)
	}
	c := listenOn(t, srv, s)()
	send(t, c, "hold\n")
	<-s.holding
	go c.Write(make([]byte, 200*kib))
	if f := <-s.faults; f != FaultInbound {
		t.Errorf("fault %v", f)
	}
	expectReason(t, s.script, ReasonFault)
	srv.Shutdown(t.Context(), 0)
}
