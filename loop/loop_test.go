package loop

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
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/atomic"
	"go.uber.org/goleak"
)

// script is a handler whose lines say what to do:
//
//	say TEXT      answer at once
//	work N TEXT   a task that writes N frames of TEXT, then "done"
//	hold          a task that waits for Cancel or release, then says "held"
//	last TEXT     answer and close
//	panic         panic on the loop
type script struct {
	release   chan struct{} // ends one hold for each value
	cancelled chan struct{}
	closed    chan Reason
	holding   chan struct{}
	workErr   chan error
	key       string
}

func newScript() *script {
	return &script{
		release: make(chan struct{}), cancelled: make(chan struct{}, 1000),
		closed: make(chan Reason, 10000), holding: make(chan struct{}, 1000),
		workErr: make(chan error, 1000),
	}
}

func (s *script) Accept(net.Conn, uint64) (any, bool) { return nil, true }
func (s *script) NewLane() Lane                       { return scriptLane{s} }
func (s *script) Closed(_ *Conn, reason Reason)       { s.closed <- reason }

type scriptLane struct{ s *script }

// scriptTask is a task that runs on a goroutine of its own.
type scriptTask struct {
	s      *script
	cancel chan struct{}
	run    func(cancel chan struct{})
}

func (t *scriptTask) Start() { go t.run(t.cancel) }

func (t *scriptTask) Cancel(Reason) {
	close(t.cancel)
	t.s.cancelled <- struct{}{}
}

func (l scriptLane) Auth(_ *Conn, line []byte) bool { return string(line) == l.s.key }

func (l scriptLane) Fault(_ *Conn, f Fault, dst []byte) []byte {
	return fmt.Appendf(dst, "fault %d\n", f)
}

func (l scriptLane) Line(c *Conn, line, dst []byte, _ bool) ([]byte, Action) {
	if cap(line) <= len(line) {
		panic("no byte behind the line")
	}
	verb, rest, _ := strings.Cut(strings.TrimSpace(string(line)), " ")
	switch verb {
	case "say":
		return fmt.Appendf(dst, "%s\n", rest), Next
	case "len":
		return fmt.Appendf(dst, "%d\n", len(line)), Next
	case "last":
		return fmt.Appendf(dst, "%s\n", rest), Close
	case "panic":
		panic("scripted")
	case "work":
		n, text, _ := strings.Cut(rest, " ")
		count, _ := strconv.Atoi(n)
		return dst, l.start(c, func(chan struct{}) { l.s.work(c, count, text) })
	case "hold":
		return dst, l.start(c, func(cancel chan struct{}) { l.s.hold(c, cancel) })
	}
	return fmt.Appendf(dst, "what is %q?\n", verb), Next
}

func (l scriptLane) start(c *Conn, run func(cancel chan struct{})) Action {
	if !c.Attach(&scriptTask{l.s, make(chan struct{}), run}) {
		return Close
	}
	return Busy
}

func (s *script) work(c *Conn, n int, text string) {
	for i := range n {
		if err := c.Write(fmt.Appendf(nil, "%d %s\n", i, text)); err != nil {
			s.workErr <- err
			return
		}
	}
	c.Finish([]byte("done\n"))
	s.workErr <- nil
}

func (s *script) hold(c *Conn, cancel chan struct{}) {
	s.holding <- struct{}{}
	select {
	case <-s.release:
		c.Finish([]byte("held\n"))
	case <-cancel:
		c.Finish(nil)
	}
}

// serve starts a server with one Unix and one TCP listener.
func serve(t *testing.T, s *script, opt Options) (srv *Server, dial func(network string) net.Conn) {
	t.Helper()
	leaks := goleak.IgnoreCurrent()
	srv, err := Start(opt)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "loop")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "s")
	unixLn, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	tcpLn, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	for _, ln := range []net.Listener{unixLn, tcpLn} {
		srv.Serve(ln, s, ListenOptions{NeedKey: s.key != ""})
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		defer cancel()
		srv.Shutdown(ctx)
		os.RemoveAll(dir)
		if n := srv.Inbound(); n != 0 {
			t.Errorf("%d bytes of input still charged", n)
		}
		if n := srv.Count(); n != 0 {
			t.Errorf("%d connections still counted", n)
		}
		goleak.VerifyNone(t, leaks,
			goleak.IgnoreAnyFunction("github.com/panjf2000/ants/v2.(*poolCommon).purgeStaleWorkers"),
			goleak.IgnoreAnyFunction("github.com/panjf2000/ants/v2.(*poolCommon).ticktock"),
			goleak.IgnoreAnyFunction("github.com/panjf2000/ants/v2.(*goWorker).run.func1"))
	})
	return srv, func(network string) net.Conn {
		addr := path
		if network == "tcp" {
			addr = tcpLn.Addr().String()
		}
		c, err := net.Dial(network, addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		c.SetDeadline(time.Now().Add(20 * time.Second))
		return c
	}
}

func both(t *testing.T, f func(t *testing.T, network string)) {
	for _, network := range []string{"unix", "tcp"} {
		t.Run(network, func(t *testing.T) { f(t, network) })
	}
}

func send(t *testing.T, c net.Conn, s string) {
	t.Helper()
	if _, err := io.WriteString(c, s); err != nil {
		t.Fatal(err)
	}
}

func expect(t *testing.T, r *bufio.Reader, want ...string) {
	t.Helper()
	for _, w := range want {
		got, err := r.ReadString('\n')
		if err != nil || got != w+"\n" {
			t.Fatalf("read %.60q, %v; want %.60q", got, err, w)
		}
	}
}

func expectEnd(t *testing.T, r *bufio.Reader) {
	t.Helper()
	if b, err := r.ReadByte(); err != io.EOF {
		t.Fatalf("read %q, %v; want the end", b, err)
	}
}

func closeWrite(t *testing.T, c net.Conn) {
	t.Helper()
	if err := c.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Fatal(err)
	}
}

func expectReason(t *testing.T, s *script, want Reason) {
	t.Helper()
	select {
	case got := <-s.closed:
		if got != want {
			t.Fatalf("closed for %v, want %v", got, want)
		}
	case <-time.After(10 * time.Second):
		t.Fatalf("not closed; want %v", want)
	}
}

func TestLines_AnsweredInOrder(t *testing.T) {
	both(t, func(t *testing.T, network string) {
		_, dial := serve(t, newScript(), Options{})
		c := dial(network)
		r := bufio.NewReader(c)
		send(t, c, "say a\nwork 2 x\n\n \t\r\nsay b\nwork 1 y\nsay c\r\n")
		expect(t, r, "a", "0 x", "1 x", "done", "b", "0 y", "done", "c")
	})
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

func TestLineLimit(t *testing.T) {
	const limit = 1 << 20
	both(t, func(t *testing.T, network string) {
		s := newScript()
		_, dial := serve(t, s, Options{MaxLineBytes: limit})
		c := dial(network)
		r := bufio.NewReader(c)
		send(t, c, "len "+strings.Repeat("x", limit-4)+"\n")
		expect(t, r, strconv.Itoa(limit))

		send(t, c, "say before\nlen "+strings.Repeat("x", limit-3)+"\n")
		expect(t, r, "before", "fault 0")
		expectEnd(t, r)

		c = dial(network) // no newline, for ever
		r = bufio.NewReader(c)
		go func() {
			chunk := bytes.Repeat([]byte("x"), 8<<10)
			for {
				if _, err := c.Write(chunk); err != nil {
					return
				}
			}
		}()
		expect(t, r, "fault 0")
	})
}

func TestLongLine_LeavesTheOthersAlone(t *testing.T) {
	// A handler that blocks on long lines must not block short ones.
	s := newScript()
	_, dial := serve(t, s, Options{Loops: 1})
	long, short := dial("unix"), dial("unix")
	lr, sr := bufio.NewReader(long), bufio.NewReader(short)
	const n = 5 << 20
	go io.WriteString(long, "len "+strings.Repeat("y", n)+"\nsay after\n")
	for i := range 100 {
		send(t, short, fmt.Sprintf("say %d\n", i))
		expect(t, sr, strconv.Itoa(i))
	}
	expect(t, lr, strconv.Itoa(n+4), "after")
}

func TestInboundLimit(t *testing.T) {
	s := newScript()
	srv, dial := serve(t, s, Options{MaxInboundBytes: 100 << 10})
	holder := dial("unix")
	send(t, holder, strings.Repeat("h", 90<<10))
	for srv.Inbound() < 90<<10 {
		time.Sleep(time.Millisecond) // polls an event without a channel of its own
	}
	c := dial("unix")
	r := bufio.NewReader(c)
	send(t, c, "say fine\n") // whole lines need no room
	expect(t, r, "fine")
	send(t, c, strings.Repeat("x", 20<<10))
	expect(t, r, "fault 1")
	expectEnd(t, r)
}

func TestPipelining_IsBackpressured(t *testing.T) {
	both(t, func(t *testing.T, network string) {
		s := newScript()
		srv, dial := serve(t, s, Options{MaxPipelineBytes: 32 << 10})
		c := dial(network)
		r := bufio.NewReader(c)
		send(t, c, "hold\n")
		<-s.holding
		const lines = 200_000
		var sent atomic.Int64
		var wg sync.WaitGroup
		wg.Go(func() {
			w := bufio.NewWriter(c)
			for i := range lines {
				fmt.Fprintf(w, "say %d\n", i)
				sent.Inc()
			}
			w.Flush()
		})
		// The client is stopped by its socket, not by an error.
		for last := int64(-1); last != sent.Load(); {
			last = sent.Load()
			time.Sleep(50 * time.Millisecond)
		}
		if network == "unix" && sent.Load() == lines { // TCP's buffers hold it all
			t.Fatal("everything was read ahead")
		}
		if n := srv.Inbound(); n > 256<<10 {
			t.Errorf("%d bytes read ahead", n)
		}
		s.release <- struct{}{}
		expect(t, r, "held")
		for i := range lines {
			expect(t, r, strconv.Itoa(i))
		}
		wg.Wait()
	})
}

// A line longer than the read-ahead behind a busy one: reading goes on when the
// connection is free again.
func TestPipelining_LongLineBehindABusyOne(t *testing.T) {
	both(t, func(t *testing.T, network string) {
		const limit = 1 << 20
		s := newScript()
		srv, dial := serve(t, s, Options{MaxPipelineBytes: 32 << 10, MaxLineBytes: limit})
		f := func(line string, want ...string) {
			t.Helper()
			c := dial(network)
			send(t, c, "hold\n")
			<-s.holding
			var wg sync.WaitGroup
			defer wg.Wait()
			wg.Go(func() { _, _ = io.WriteString(c, line) })
			for srv.Inbound() <= 32<<10 {
				time.Sleep(time.Millisecond) // polls an event without a channel of its own
			}
			s.release <- struct{}{}
			r := bufio.NewReader(c)
			expect(t, r, "held")
			expect(t, r, want...)
		}
		f("len "+strings.Repeat("x", limit/2)+"\nsay after\n", strconv.Itoa(limit/2+4), "after")
		f(strings.Repeat("x", limit+1), "fault 0")
	})
}

func TestOutput_SlowReaderIsWaitedFor(t *testing.T) {
	s := newScript()
	srv, dial := serve(t, s, Options{
		MaxOutputBytes: 64 << 10,
		Timeouts:       Timeouts{Write: time.Minute, Stall: 10 * time.Second},
	})
	c := dial("unix")
	text := strings.Repeat("z", 4096)
	send(t, c, "work 1000 "+text+"\n")
	r := bufio.NewReaderSize(c, 4096)
	for i := range 1000 {
		expect(t, r, strconv.Itoa(i)+" "+text)
		if i%100 == 0 {
			for _, c := range srv.Conns() {
				if n := c.Pending(); n > 3*64<<10 {
					t.Errorf("%d bytes pending", n)
				}
			}
			time.Sleep(5 * time.Millisecond) // being slow is the point
		}
	}
	expect(t, r, "done")
}

// A reader that takes a little all the time is not a dead one, although it takes
// longer than the timeout until its socket is reported as writable.
func TestOutput_SlowReaderOutlivesTheTimeouts(t *testing.T) {
	const frames, pause, timeout = 200, 10 * time.Millisecond, 300 * time.Millisecond
	s := newScript()
	_, dial := serve(t, s, Options{
		MaxOutputBytes: 64 << 10, Timeouts: Timeouts{Write: timeout, Stall: timeout},
	})
	c := dial("unix")
	text := strings.Repeat("z", 4096)
	send(t, c, fmt.Sprintf("work %d %s\n", frames, text))
	r := bufio.NewReaderSize(c, 4096)
	for i := range frames {
		expect(t, r, strconv.Itoa(i)+" "+text)
		time.Sleep(pause) // being slow is the point
	}
	expect(t, r, "done")
}

func TestOutput_DeadReaderIsClosed(t *testing.T) {
	f := func(name string, to Timeouts) {
		t.Run(name, func(t *testing.T) {
			both(t, func(t *testing.T, network string) {
				s := newScript()
				_, dial := serve(t, s, Options{MaxOutputBytes: 64 << 10, Timeouts: to})
				c := dial(network)
				send(t, c, "work 1000000 "+strings.Repeat("z", 4096)+"\n")
				if err := <-s.workErr; !errors.Is(err, ErrClosed) {
					t.Errorf("the worker got %v", err)
				}
				<-s.cancelled
				expectReason(t, s, ReasonSlowReader)
			})
		})
	}
	f("write timeout", Timeouts{Write: 50 * time.Millisecond})
	f("stall timeout", Timeouts{Write: time.Hour, Stall: 50 * time.Millisecond})
}

func TestDeadlines(t *testing.T) {
	f := func(name string, to Timeouts, key, sent string, want Reason) {
		t.Run(name, func(t *testing.T) {
			s := newScript()
			s.key = key
			_, dial := serve(t, s, Options{Timeouts: to})
			c := dial("tcp")
			send(t, c, sent)
			expectReason(t, s, want)
		})
	}
	const d = 40 * time.Millisecond
	f("idle", Timeouts{Idle: d}, "", "say x\n", ReasonIdle)
	f("line", Timeouts{Line: d}, "", "say x", ReasonLine)
	f("line after a whole one", Timeouts{Line: d, Idle: time.Hour}, "", "say x\nsa", ReasonLine)
	f("key", Timeouts{Auth: d}, "secret", "", ReasonAuth)
	f("half a key", Timeouts{Auth: d}, "secret", "sec", ReasonAuth)
}

func TestDeadlines_SpareWhoIsAtWork(t *testing.T) {
	s := newScript()
	_, dial := serve(t, s, Options{Timeouts: Timeouts{Idle: 30 * time.Millisecond, Line: 30 * time.Millisecond}})
	c := dial("unix")
	send(t, c, "hold\nsay par")
	<-s.holding
	select {
	case why := <-s.closed:
		t.Fatalf("closed for %v while a task ran", why)
	case <-time.After(150 * time.Millisecond):
	}
	s.release <- struct{}{}
	r := bufio.NewReader(c)
	expect(t, r, "held")
	send(t, c, "t\n")
	expect(t, r, "part")
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
	go func() { done <- srv.Shutdown(context.Background()) }()
	expectEnd(t, bufio.NewReader(idle))
	idle.Close()
	s.release <- struct{}{}
	r := bufio.NewReader(busy)
	expect(t, r, "held")
	expectEnd(t, r)
	busy.Close()
	if cut := <-done; cut != 0 {
		t.Errorf("%d cut", cut)
	}
}
