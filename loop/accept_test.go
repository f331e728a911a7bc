package loop

import (
	"bufio"
	"errors"
	"net"
	"testing"

	"golang.org/x/sys/unix"
)

// TestAccept_DoesNotWaitForTheLoop: while a loop is busy its newcomers are let in
// together, up to a limit, instead of one after the other.
func TestAccept_DoesNotWaitForTheLoop(t *testing.T) {
	s := newScript()
	srv, dial := serve(t, s, Options{Loops: 1})
	busy := dial("unix")
	send(t, busy, "block\n")
	<-s.holding
	const surplus = 10
	conns := make([]net.Conn, enrolAtOnce+surplus)
	for i := range conns {
		conns[i] = dial("unix") // as far as the kernel's queue
		send(t, conns[i], "say in\n")
	}
	// The last of these is accepted and waits for a slot.
	const accepted = 1 + enrolAtOnce + 1
	await(func() bool { return srv.connCount.Load() >= accepted })
	if n := srv.connCount.Load(); n != accepted {
		t.Errorf("%d connections while the loop is busy, want %d", n, accepted)
	}
	close(s.unblock)
	for _, c := range conns {
		expect(t, bufio.NewReader(c), "in")
	}
}

// TestAccept_SharesOutEvenly: each loop gets as many connections as the others,
// also of those that come at once.
func TestAccept_SharesOutEvenly(t *testing.T) {
	const loops, each = 4, 8
	s := newScript()
	srv, dial := serve(t, s, Options{Loops: loops})
	f := func(want int64) {
		t.Helper()
		for i, lp := range srv.loops {
			if n := lp.connCount.Load(); n != want {
				t.Errorf("loop %d has %d connections, want %d", i, n, want)
			}
		}
	}
	conns := make([]net.Conn, loops*each)
	for i := range conns {
		conns[i] = dial("unix")
	}
	for _, c := range conns {
		send(t, c, "say in\n")
		expect(t, bufio.NewReader(c), "in")
	}
	f(each)
	for _, c := range conns {
		c.Close()
	}
	for range conns {
		expectReason(t, s, ReasonClient)
	}
	f(0)
}

// TestCanOpen: it says when there are not enough descriptors, and keeps none.
func TestCanOpen(t *testing.T) {
	srv, _ := serve(t, newScript(), Options{Loops: 1})
	l := srv.listeners[0]
	open := func() int {
		fd, err := unix.FcntlInt(0, unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		unix.Close(fd)
		return fd
	}
	before := open()
	if err := l.canOpen(100); err != nil {
		t.Errorf("100: %v", err)
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if limit.Cur <= 1<<17 { // or it would take long
		if err := l.canOpen(int(limit.Cur)); !errors.Is(err, unix.EMFILE) {
			t.Errorf("as many as the limit: %v, want EMFILE", err)
		}
	}
	if after := open(); after != before {
		t.Errorf("the lowest free descriptor was %d, is %d", before, after)
	}
}

// TestRouse_OneWakeUp: a task that was started and its first frames wake the loop
// once, and so do frames that come later.
func TestRouse_OneWakeUp(t *testing.T) {
	fd, nc, err := newWaker()
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	defer nc.Close()
	lp := &eventLoop{srv: new(Server), wakeFD: fd}
	f := func(what string, want int, do ...func()) {
		t.Helper()
		for _, d := range do {
			d()
		}
		lp.wake() // so that there is something to read
		b := make([]byte, 10*len(wakeOne))
		n, err := nc.Read(b)
		woken := -1
		for ; n > 0; n -= len(wakeOne) { // an eventfd gives one number, their sum
			woken += int(b[n-len(wakeOne)])
		}
		if woken != want || err != nil {
			t.Errorf("%s: woken %d times, %v; want %d", what, woken, err, want)
		}
	}
	push := func() { lp.push(&Conn{dead: true}) }
	f("two tasks", 1, lp.rouse, lp.rouse)
	f("their frames", 0, push, push)
	f("the loop", 0, lp.turn)
	f("frames later, and a task", 1, push, push, lp.rouse)
	f("the loop again", 0, lp.turn)
	f("a task again", 1, lp.rouse)
}
