package loop

import (
	"bufio"
	"io"
	"net"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

const kib = 1 << 10

// onLoop runs f on c's loop and waits for it.
func onLoop(c *Conn, f func()) {
	done := make(chan struct{})
	c.lp.do(func() { f(); close(done) })
	<-done
}

// awaitParked waits until the server's only connection is read no more.
func awaitParked(srv *Server) *Conn {
	var c *Conn
	await(func() bool {
		all := srv.Conns()
		if len(all) != 1 {
			return false
		}
		c = all[0]
		is := false
		onLoop(c, func() { is = c.place == parked })
		return is
	})
	return c
}

// TestParked_ArmedOnTheWayBack: the full socket of a parked connection is watched
// under one descriptor, and the connection attached again under another.
func TestParked_ArmedOnTheWayBack(t *testing.T) {
	both(t, func(t *testing.T, network string) {
		s := newScript()
		srv, dial := serve(t, s, Options{Loops: 1, MaxOutputBytes: 64 * kib, MaxPipelineBytes: 8 * kib})
		c := dial(network)
		const total = 4000
		go io.WriteString(c, strings.Repeat("say "+strings.Repeat("x", 8000)+"\n", total))
		k := awaitParked(srv)
		onLoop(k, func() {
			k.lp.attachAgain(k)
			k.lp.settle(k) // as for room in the socket that is reported late
		})
		await(func() bool {
			attached := false
			onLoop(k, func() { attached = k.place != returning })
			return attached
		})
		if n, err := io.CopyN(io.Discard, c, total*8001); err != nil {
			t.Errorf("after %d of %d bytes: %v", n, total*8001, err)
		}
	})
}

// TestParked_HearsTheLastAnswer: a connection that is closed while it is parked
// gets what it was answered, and then the end instead of a reset.
func TestParked_HearsTheLastAnswer(t *testing.T) {
	both(t, func(t *testing.T, network string) {
		s := newScript()
		srv, dial := serve(t, s, Options{Loops: 1, MaxPipelineBytes: 64 * kib})
		c := dial(network)
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetReadBuffer(32 * kib) // so that answers stay in the kernel
		}
		send(t, c, "hold\nwork 100 "+strings.Repeat("y", 4000)+"\nlast bye\n")
		<-s.holding
		go func() {
			line := "say " + strings.Repeat("x", 1000) + "\n"
			for range 8000 {
				if _, err := io.WriteString(c, line); err != nil {
					return
				}
			}
		}()
		awaitParked(srv)
		s.release <- struct{}{}
		r := bufio.NewReader(c)
		expect(t, r, "held")
		for range 100 {
			if _, err := r.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
		}
		expect(t, r, "done", "bye")
		expectEnd(t, r)
	})
}

// takeDescriptors leaves the process none, until the test ends or restore is
// called.
func takeDescriptors(t *testing.T) (restore func()) {
	t.Helper()
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	lowest, err := unix.Dup(0)
	if err != nil {
		t.Fatal(err)
	}
	taken := []int{lowest}
	few := before
	few.Cur = uint64(lowest + 40)
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &few); err != nil {
		t.Fatal(err)
	}
	for {
		fd, err := unix.Dup(0)
		if err != nil {
			break
		}
		taken = append(taken, fd)
	}
	restored := false
	restore = func() {
		if restored {
			return
		}
		restored = true
		for _, fd := range taken {
			_ = unix.Close(fd)
		}
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(restore)
	return restore
}

// TestNoDescriptors_HalfClose: who has shut down the writing side gets the answer
// although there is no descriptor left.
func TestNoDescriptors_HalfClose(t *testing.T) {
	s := newScript()
	srv, dial := serve(t, s, Options{Loops: 1})
	c := dial("unix")
	send(t, c, "hold\n")
	<-s.holding
	takeDescriptors(t)
	closeWrite(t, c)
	await(func() bool {
		eof := false
		k := srv.Conns()[0]
		onLoop(k, func() { eof = k.place == halfClosed })
		return eof
	})
	s.release <- struct{}{}
	r := bufio.NewReader(c)
	expect(t, r, "held")
	expectEnd(t, r)
}

// TestNoDescriptors_Parked: without descriptors a client is parked all the same,
// stays so, and is read again when there are some.
func TestNoDescriptors_Parked(t *testing.T) {
	s := newScript()
	srv, dial := serve(t, s, Options{Loops: 1, MaxPipelineBytes: 64 * kib})
	c := dial("unix")
	send(t, c, "hold\n")
	<-s.holding
	restore := takeDescriptors(t)
	const lines = 2000
	go io.WriteString(c, strings.Repeat("say "+strings.Repeat("x", 1000)+"\n", lines))
	k := awaitParked(srv)
	if n := srv.Inbound(); n > 256*kib {
		t.Errorf("%d bytes read ahead", n)
	}
	s.release <- struct{}{}
	r := bufio.NewReader(c)
	expect(t, r, "held")
	await(func() bool {
		wants := false
		onLoop(k, func() { wants = k.place == starved })
		return wants
	})
	onLoop(k, func() {
		if k.in != nil && k.lineAt != 0 {
			t.Error("the time for its line runs, which nobody reads")
		}
	})
	restore()
	for i := range lines {
		if _, err := r.ReadString('\n'); err != nil {
			t.Fatalf("%d of %d answers, then %v", i, lines, err)
		}
	}
}

// TestSend_KeepsNothingWritten: answers to a reader that never quite catches up
// take no more memory than what is unsent.
func TestSend_KeepsNothingWritten(t *testing.T) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fds[0])
	defer unix.Close(fds[1])
	lp := &eventLoop{srv: new(Server)}
	c := &Conn{seat: &seat{lp: lp}, fd: int32(fds[0])}
	answer := make([]byte, 8*kib)
	for c.unwritten() < 512*kib {
		lp.send(c, answer)
	}
	buf := make([]byte, 64*kib)
	for range 2000 {
		for c.unwritten() >= 512*kib {
			if _, err := unix.Read(fds[1], buf); err != nil {
				t.Fatal(os.NewSyscallError("read", err))
			}
			lp.flush(c, nil)
		}
		lp.send(c, answer)
	}
	if n := cap(c.pend.B); n > 4*512*kib {
		t.Errorf("%d KiB for %d KiB unsent", n/kib, c.unwritten()/kib)
	}
}
