package reliability

import (
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"inferd/tests/harness"
	"inferd/tests/reliability/observe"
)

// TestRow13_OutOfDescriptors: a daemon whose descriptors run out, below what it
// sized itself for, lives on: open connections are served, and those that came
// meanwhile are once some have closed.
func TestRow13_OutOfDescriptors(t *testing.T) {
	d := harness.StartMock(t)
	admin := observe.Dial(t, d)
	open := d.Dial(t)
	open.Send(harness.Ask("r"))
	open.Last()
	limit := uint64(observe.FDs(t, d.PID) + 20)
	must(t, unix.Prlimit(d.PID, unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: limit, Max: limit}, nil))
	crowd := dial(t, d, 100)
	d.AwaitLog(t, "accept failed; trying again")
	for range 5 {
		open.Send(harness.Ask("r"))
		if f := open.Last(); f.Outcome() != "done" {
			t.Fatalf("an open connection gets %+v", f)
		}
	}
	s := admin.Stats(t)
	t.Logf("%d connections with %d descriptors", s.Connections, limit)
	// Nobody of the crowd was dropped: when the first have left, the last, who
	// stood in the kernel's queue, are served.
	began := time.Now()
	for _, c := range crowd[:90] {
		_ = c.Close()
	}
	for i, c := range crowd[90:] {
		_, err := c.Write([]byte(harness.Ask("queued")))
		must(t, err)
		must(t, c.SetReadDeadline(time.Now().Add(opTimeout)))
		if _, err := c.Read(make([]byte, 1)); err != nil {
			t.Fatalf("client %d: %v", 90+i, err)
		}
	}
	answers(t, d)
	t.Logf("accepting again %v behind the relief", time.Since(began).Round(time.Millisecond))
	if code := d.Stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// TestRow13_HalfClosedOutOfDescriptors: answering a half-closed client takes a
// descriptor more for a moment; without one it is closed, not left hanging.
func TestRow13_HalfClosedOutOfDescriptors(t *testing.T) {
	t.Parallel()
	d := harness.StartMock(t, "--mock-token-delay", "2s")
	c := d.Dial(t)
	c.Send(harness.Ask("r"))
	admin := observe.Dial(t, d)
	admin.Await(t, "it to run", func(s observe.Stats) bool { return s.Active == 1 })
	limit := uint64(observe.FDs(t, d.PID))
	must(t, unix.Prlimit(d.PID, unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: limit, Max: limit}, nil))
	c.CloseWrite()
	for err := error(nil); err == nil; {
		_, err = c.TryFrame()
	}
	admin.AwaitIdle(t)
}

// TestRow13_ConnectionLimit: the surplus connection is closed at once, counted,
// and never left hanging.
func TestRow13_ConnectionLimit(t *testing.T) {
	t.Parallel()
	const limit = 16
	d := harness.StartMock(t, "--max-connections", "16")
	admin := observe.Dial(t, d)
	inside := make([]*harness.Conn, limit)
	for i := range inside {
		inside[i] = d.Dial(t)
	}
	admin.Await(t, "a full house", func(s observe.Stats) bool { return s.Connections == limit })
	for i, c := range dial(t, d, 50) {
		if err := ended(c); err != nil {
			t.Fatalf("surplus connection %d: %v", i, err)
		}
	}
	s := admin.Stats(t)
	if s.Refused != 50 || s.Counters.Rejected["connection_limit"] != 50 || s.Connections != limit {
		t.Errorf("stats %+v", s)
	}
	e := d.AwaitEvent(t, "connection_refused", nil)
	if e.String("reason") != "connection_limit" || e.Number("limit") != limit {
		t.Errorf("event %v", e)
	}
	for _, c := range inside {
		c.Send(harness.Ask("r"))
		if f := c.Last(); f.Outcome() != "done" {
			t.Errorf("%+v", f)
		}
	}
	_ = inside[0].Close()
	harness.Await(t, "a place", func() bool {
		nc, err := net.Dial("unix", d.Unix())
		must(t, err)
		defer nc.Close()
		_, _ = nc.Write([]byte(harness.Ask("r")))
		_ = nc.SetReadDeadline(time.Now().Add(opTimeout))
		n, err := nc.Read(make([]byte, 1))
		return n == 1 && err == nil
	})
}
