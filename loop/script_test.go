package loop

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// script is a handler whose lines say what to do:
//
//	say TEXT      answer at once
//	fill N        answer with so many bytes at once
//	work N TEXT   a task that writes N frames of TEXT, then "done"
//	try N TEXT    the same, but it only waits for room where it was told of none, and
//	              says so on full
//	hold          a task that waits for Cancel or release, then says "held"
//	last TEXT     answer and close
//	panic         panic on the loop
//	block         keep the loop until unblock
type script struct {
	release   chan struct{} // ends one hold for each value
	cancelled chan struct{}
	closed    chan Reason
	holding   chan struct{}
	unblock   chan struct{}
	workErr   chan error
	full      chan struct{} // told of each frame for which there was no room
	recycled  chan Task
	key       string
	entrance  chan struct{} // if not nil, nobody is accepted until it is closed
}

func newScript() *script {
	return &script{
		release: make(chan struct{}), cancelled: make(chan struct{}, 1000),
		closed: make(chan Reason, 10000), holding: make(chan struct{}, 1000),
		unblock:  make(chan struct{}),
		workErr:  make(chan error, 1000),
		full:     make(chan struct{}, 100000),
		recycled: make(chan Task, 100000),
	}
}

func (s *script) NewLane() Lane                 { return scriptLane{s} }
func (s *script) Closed(_ *Conn, reason Reason) { s.closed <- reason }

func (s *script) Accept(net.Conn, uint64) (any, bool) {
	if s.entrance != nil {
		<-s.entrance
	}
	return nil, true
}

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

func (l scriptLane) Recycle(t Task) { l.s.recycled <- t }

func (l scriptLane) Auth(_ *Conn, line []byte) bool { return string(line) == l.s.key }

func (l scriptLane) Fault(_ *Conn, f Fault, dst []byte) []byte {
	return fmt.Appendf(dst, "fault %d\n", f)
}

func (l scriptLane) Line(c *Conn, line, dst []byte, _ int64, _ bool) ([]byte, Action) {
	if cap(line) <= len(line) {
		panic("no byte behind the line")
	}
	verb, rest, _ := strings.Cut(strings.TrimSpace(string(line)), " ")
	switch verb {
	case "say":
		return fmt.Appendf(dst, "%s\n", rest), Next
	case "fill":
		n, _ := strconv.Atoi(rest)
		return append(append(dst, bytes.Repeat([]byte{'x'}, n)...), '\n'), Next
	case "len":
		return fmt.Appendf(dst, "%d\n", len(line)), Next
	case "last":
		return fmt.Appendf(dst, "%s\n", rest), Close
	case "panic":
		panic("scripted")
	case "block":
		l.s.holding <- struct{}{}
		<-l.s.unblock
		return dst, Next
	case "work":
		n, text, _ := strings.Cut(rest, " ")
		count, _ := strconv.Atoi(n)
		return dst, l.start(c, func(chan struct{}) { l.s.work(c, c.Write, count, text) })
	case "try":
		n, text, _ := strings.Cut(rest, " ")
		count, _ := strconv.Atoi(n)
		return dst, l.start(c, func(chan struct{}) { l.s.work(c, l.s.try(c), count, text) })
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

// try writes without waiting where that can be.
func (s *script) try(c *Conn) func([]byte) error {
	return func(frame []byte) error {
		err := c.TryWrite(frame)
		if err == ErrFull {
			s.full <- struct{}{}
			return c.Write(frame)
		}
		return err
	}
}

func (s *script) work(c *Conn, write func([]byte) error, n int, text string) {
	for i := range n {
		if err := write(fmt.Appendf(nil, "%d %s\n", i, text)); err != nil {
			s.workErr <- err
			return
		}
	}
	done := []byte("done\n")
	c.Finish(&done)
	s.workErr <- nil
}

func (s *script) hold(c *Conn, cancel chan struct{}) {
	s.holding <- struct{}{}
	select {
	case <-s.release:
		held := []byte("held\n")
		c.Finish(&held)
	case <-cancel:
		if c.Finish(new([]byte)) {
			panic("finished on a connection that has ended")
		}
	}
}

// letGo ends the hold of c, which is closed behind it.
func (s *script) letGo(t *testing.T, c net.Conn) {
	t.Helper()
	s.release <- struct{}{}
	r := bufio.NewReader(c)
	expect(t, r, "held")
	expectEnd(t, r)
	c.Close()
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
		srv.Shutdown(ctx, 0)
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

// await waits for something that sends no event.
func await(happened func() bool) {
	for !happened() {
		time.Sleep(time.Millisecond)
	}
}
