package loop

import (
	"bufio"
	"context"
	"errors"
	"net"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestLines_AnsweredInOrder(t *testing.T) {
	both(t, func(t *testing.T, network string) {
		_, dial := serve(t, newScript(), Options{})
		c := dial(network)
		r := bufio.NewReader(c)
		send(t, c, "say a\nwork 2 x\n\n \t\r\nsay b\nwork 1 y\nsay c\r\n")
		expect(t, r, "a", "0 x", "1 x", "done", "b", "0 y", "done", "c")
	})
}

// TestRecycle: a task comes back to its lane before the next answer, once, and that of
// a connection that has ended stays with its worker.
func TestRecycle(t *testing.T) {
	s := newScript()
	_, dial := serve(t, s, Options{})
	c := dial("unix")
	send(t, c, "work 1 x\nwork 0\nsay z\n")
	expect(t, bufio.NewReader(c), "0 x", "done", "done", "z")
	if len(s.recycled) != 2 || <-s.recycled == <-s.recycled {
		t.Errorf("after two tasks %d came back, or one twice", len(s.recycled))
	}
	send(t, c, "hold\n")
	<-s.holding
	c.Close()
	<-s.cancelled
	expectReason(t, s, ReasonHangup)
	if len(s.recycled) != 0 {
		t.Error("the task of a connection that had ended came back")
	}
}

func TestLines_SplitAnywhere(t *testing.T) {
	_, dial := serve(t, newScript(), Options{})
	const stream = "say one\nwork 1 two\nsay three\n"
	want := []string{"one", "0 two", "done", "three"}
	for cut := 1; cut < len(stream); cut++ {
		c := dial("unix")
		r := bufio.NewReader(c)
		send(t, c, stream[:cut])
		if strings.Contains(stream[:cut], "\n") {
			expect(t, r, "one") // the first part has been read
		}
		send(t, c, stream[cut:])
		if !strings.Contains(stream[:cut], "\n") {
			expect(t, r, "one")
		}
		expect(t, r, want[1:]...)
		c.Close()
	}
}

func TestHalfClose_GetsEverything(t *testing.T) {
	both(t, func(t *testing.T, network string) {
		s := newScript()
		_, dial := serve(t, s, Options{})
		c := dial(network)
		send(t, c, "hold\nwork 3 x\nsay last") // no newline at the end
		<-s.holding
		closeWrite(t, c)
		s.release <- struct{}{}
		r := bufio.NewReader(c)
		expect(t, r, "held", "0 x", "1 x", "2 x", "done", "last")
		expectEnd(t, r)
		expectReason(t, s, ReasonClient)
	})
}

func TestHalfClose_LargeOutput(t *testing.T) {
	both(t, func(t *testing.T, network string) {
		s := newScript()
		_, dial := serve(t, s, Options{MaxOutputBytes: 64 << 10})
		c := dial(network)
		text := strings.Repeat("x", 5000)
		send(t, c, "work 2000 "+text+"\n")
		closeWrite(t, c)
		r := bufio.NewReader(c)
		for i := range 2000 {
			expect(t, r, strconv.Itoa(i)+" "+text)
		}
		expect(t, r, "done")
		expectEnd(t, r)
	})
}

func TestFullClose_CancelsTheTask(t *testing.T) {
	s := newScript()
	_, dial := serve(t, s, Options{})
	c := dial("unix")
	send(t, c, "hold\nsay never\n")
	<-s.holding
	c.Close()
	<-s.cancelled
	expectReason(t, s, ReasonHangup)
}

func TestFullClose_AfterHalfClose(t *testing.T) {
	s := newScript()
	_, dial := serve(t, s, Options{})
	c := dial("unix")
	send(t, c, "hold\n")
	<-s.holding
	closeWrite(t, c)
	send2 := dial("unix") // the loop has seen the half-close when it answers this
	send(t, send2, "say x\n")
	expect(t, bufio.NewReader(send2), "x")
	c.Close()
	<-s.cancelled
	expectReason(t, s, ReasonHangup)
}

func TestFullClose_TCPNoticedByWriting(t *testing.T) {
	s := newScript()
	_, dial := serve(t, s, Options{})
	c := dial("tcp")
	send(t, c, "work 1000000000 text\n")
	c.Close()
	if err := <-s.workErr; !errors.Is(err, ErrClosed) {
		t.Errorf("the worker got %v", err)
	}
	<-s.cancelled
	expectReason(t, s, ReasonHangup)
}

func TestClose_AfterLastAnswer(t *testing.T) {
	both(t, func(t *testing.T, network string) {
		s := newScript()
		_, dial := serve(t, s, Options{})
		c := dial(network)
		r := bufio.NewReader(c)
		send(t, c, "work 1 x\nlast bye\nsay ignored\n")
		expect(t, r, "0 x", "done", "bye")
		expectEnd(t, r)
		c.Close()
		expectReason(t, s, ReasonFault)
	})
}

func TestAuth(t *testing.T) {
	f := func(name, sent string, want ...string) {
		t.Run(name, func(t *testing.T) {
			s := newScript()
			s.key = "the key"
			_, dial := serve(t, s, Options{})
			c := dial("tcp")
			send(t, c, sent)
			if len(want) == 0 {
				closeWrite(t, c)
			}
			r := bufio.NewReader(c)
			expect(t, r, want...)
			if len(want) == 0 {
				expectEnd(t, r)
			}
		})
	}
	f("right, with a request behind", "the key\nsay in\n", "in")
	f("wrong", "a key\nsay in\n")
	f("none", "say in\n")
	f("right but unfinished", "the key")
	f("too long", strings.Repeat("k", 5<<10)+"\n")
	f("too long and unfinished", strings.Repeat("k", 5<<10))
}

func TestPanic_CostsOneConnection(t *testing.T) {
	s := newScript()
	panics := make(chan any, 1)
	_, dial := serve(t, s, Options{Loops: 1, OnPanic: func(r any) { panics <- r }})
	other := dial("unix")
	c := dial("unix")
	send(t, c, "panic\n")
	if got := <-panics; got != "scripted" {
		t.Errorf("OnPanic got %v", got)
	}
	expect(t, bufio.NewReader(c), "fault 2")
	expectReason(t, s, ReasonInternal)
	send(t, other, "say alive\n")
	expect(t, bufio.NewReader(other), "alive")
}

func TestPanic_OfADecoder(t *testing.T) {
	s := newScript()
	_, dial := serve(t, s, Options{})
	c := dial("unix")
	send(t, c, "panic "+strings.Repeat("x", 1<<20)+"\n")
	expect(t, bufio.NewReader(c), "fault 2")
}

func TestConnectionLimit(t *testing.T) {
	s := newScript()
	srv, dial := serve(t, s, Options{MaxConnections: 2})
	a, b := dial("unix"), dial("tcp")
	for _, c := range []net.Conn{a, b} {
		send(t, c, "say in\n")
		expect(t, bufio.NewReader(c), "in")
	}
	c := dial("unix")
	expectEnd(t, bufio.NewReader(c))
	if srv.Refused() != 1 {
		t.Errorf("%d refused", srv.Refused())
	}
	a.Close()
	expectReason(t, s, ReasonClient)
	d := dial("unix")
	send(t, d, "say again\n")
	expect(t, bufio.NewReader(d), "again")
}

func TestShutdown_LetsWorkFinish(t *testing.T) {
	s := newScript()
	srv, dial := serve(t, s, Options{})
	busy, idle := dial("unix"), dial("unix")
	send(t, idle, "say in\n")
	expect(t, bufio.NewReader(idle), "in")
	send(t, busy, "hold\n")
	<-s.holding
	done := make(chan int)
	go func() { done <- srv.Shutdown(context.Background(), 0) }()
	expectEnd(t, bufio.NewReader(idle))
	idle.Close()
	s.letGo(t, busy)
	if cut := <-done; cut != 0 {
		t.Errorf("%d cut", cut)
	}
}

// TestShutdown_Patience: who takes what is left for it may take its time, who neither
// takes nor finishes anything may not.
func TestShutdown_Patience(t *testing.T) {
	const patience, answer = time.Second, 4 << 20
	s := newScript()
	srv, dial := serve(t, s, Options{})
	busy, slow, stalled, unfinished := dial("unix"), dial("unix"), dial("unix"), dial("unix")
	send(t, busy, "hold\n")
	<-s.holding
	for _, c := range []net.Conn{slow, stalled} {
		send(t, c, "fill "+strconv.Itoa(answer)+"\n")
	}
	send(t, unfinished, "say bye\nsay never")
	expect(t, bufio.NewReader(unfinished), "bye")
	await(func() bool {
		n := 0
		for _, c := range srv.Conns() {
			if c.Pending() > 0 {
				n++
			}
		}
		return n == 2
	})
	done := make(chan int)
	go func() { done <- srv.Shutdown(context.Background(), patience) }()

	began := time.Now()
	piece := make([]byte, 16<<10)
	for got := 0; got <= answer; { // the answer and its newline
		n, err := slow.Read(piece)
		if err != nil {
			t.Fatalf("after %d bytes and %v: %v", got, time.Since(began), err)
		}
		got += n
		time.Sleep(2 * patience * time.Duration(n) / answer) // a slow reader is what is under test
	}
	expectEnd(t, bufio.NewReader(slow))
	slow.Close()
	expectEnd(t, bufio.NewReader(unfinished))
	s.letGo(t, busy) // whoever is answered may take longer
	if cut := <-done; cut != 2 {
		t.Errorf("%d cut, want the one that takes nothing and the one that finishes no line", cut)
	}
}

// TestCloseListeners_TakesInWhoHasConnected: the kernel tells a client that it is
// connected before anybody has accepted it.
func TestCloseListeners_TakesInWhoHasConnected(t *testing.T) {
	both(t, func(t *testing.T, network string) {
		s := newScript()
		s.entrance = make(chan struct{})
		srv, dial := serve(t, s, Options{})
		var queued [20]net.Conn
		for i := range queued {
			queued[i] = dial(network)
			send(t, queued[i], "say "+strconv.Itoa(i)+"\n")
		}
		closed := make(chan struct{})
		go func() { defer close(closed); srv.CloseListeners() }()
		for _, l := range srv.listeners {
			await(func() bool { return l.closed.Load() })
		}
		close(s.entrance)
		<-closed
		for i, c := range queued {
			expect(t, bufio.NewReader(c), strconv.Itoa(i))
		}
		if c, err := net.Dial(network, queued[0].RemoteAddr().String()); err == nil {
			c.Close()
			t.Error("the listener still listens")
		}
	})
}

// TestShutdown_CutFlushesFirst: a loop that had no turn until the time was over
// still writes what it was left before it closes.
func TestShutdown_CutFlushesFirst(t *testing.T) {
	s := newScript()
	srv, dial := serve(t, s, Options{Loops: 1})
	late, blocker := dial("unix"), dial("unix")
	send(t, late, "hold\n")
	<-s.holding
	send(t, blocker, "block\n")
	<-s.holding
	s.release <- struct{}{}
	await(func() bool { // the answer is in the outbox
		return slices.ContainsFunc(srv.Conns(), func(c *Conn) bool { return c.Pending() > 0 })
	})
	over, cancel := context.WithCancel(context.Background())
	cancel()
	done := make(chan int)
	go func() { done <- srv.Shutdown(over, 0) }()
	asked := func() int {
		srv.loops[0].mu.Lock()
		defer srv.loops[0].mu.Unlock()
		return len(srv.loops[0].calls)
	}
	await(func() bool { return asked() >= 2 }) // calls: to settle, and to close
	close(s.unblock)
	r := bufio.NewReader(late)
	expect(t, r, "held")
	expectEnd(t, r)
	<-done
}

// TestConn_Size: there are thousands of them, most of them idle. With 240 bytes, the
// next smaller size that Go allocates, they would lie across cache lines, and a busy
// one would cost half a per cent more.
func TestConn_Size(t *testing.T) {
	if size := reflect.TypeFor[Conn]().Size(); size <= 240 || size > 256 {
		t.Errorf("a connection takes %d bytes, want four cache lines: 241 to 256", size)
	}
}
