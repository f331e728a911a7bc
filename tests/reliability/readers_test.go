package reliability

import (
	"testing"
	"time"

	"inferd/tests/harness"
	"inferd/tests/reliability/observe"
)

// TestRow07_ReadersThatNeverRead: their output is bounded in bytes and time,
// their tickets come back, and who reads is served meanwhile.
func TestRow07_ReadersThatNeverRead(t *testing.T) {
	const n, most = 100, 256 << 10
	d := harness.StartMock(t, "--mock-tokens", "100", "--mock-token-bytes", "16KiB",
		"--max-output-bytes", "256KiB", "--stall-timeout", "3s", "--active-permits", "150",
		"--queue-depth", "10")
	admin := observe.Dial(t, d)
	c := d.Dial(t)
	before := observe.RSS(t, d.PID)
	began := time.Now()
	for _, never := range dial(t, d, n) {
		_, err := never.Write([]byte(harness.Ask("never")))
		must(t, err)
	}
	var pending int
	for range 3 {
		for _, l := range admin.Command(t, "connections").Connections {
			pending = max(pending, l.PendingOutputBytes)
		}
		c.Send(harness.Ask("r"))
		if f := c.Last(); f.Outcome() != "done" {
			t.Errorf("who reads gets %+v", f)
		}
	}
	memory := (observe.RSS(t, d.PID) - before) >> 20
	if pending > 2*most+64<<10 {
		t.Errorf("%d bytes are pending for one client, the limit is %d", pending, most)
	}
	s := admin.AwaitIdle(t)
	took := time.Since(began)
	closed := map[string]int{}
	harness.Await(t, "the last to be remembered", func() bool {
		clear(closed)
		for _, l := range admin.Command(t, "connections").Closed {
			closed[l.Reason]++
		}
		return closed["slow_reader"] == 64 // what the ring holds
	})
	if s.Connections > n {
		t.Errorf("%d connections", s.Connections)
	}
	t.Logf("%d never-readers: at most %d bytes pending for one, %d MiB in all, tickets back "+
		"within %v", n, pending, memory, took.Round(time.Millisecond))
}

// TestRow07_FewPermits: with a single permit, taken by a client that does not
// read, the next in line gets its turn.
func TestRow07_FewPermits(t *testing.T) {
	t.Parallel()
	d := harness.StartMock(t, "--mock-tokens", "100", "--mock-token-bytes", "16KiB",
		"--max-output-bytes", "256KiB", "--stall-timeout", "2s", "--active-permits", "1")
	never := d.Dial(t)
	never.Send(harness.Ask("never"))
	never.Frame() // it runs, and that is all that is read of it
	t.Logf("the next in line waited %v", answers(t, d).Round(time.Millisecond))
}

// TestRow07_WriteTimeout: output that fits the outbox but is never taken ends
// the connection at the write deadline.
func TestRow07_WriteTimeout(t *testing.T) {
	t.Parallel()
	d := harness.StartMock(t, "--mock-tokens", "60", "--mock-token-bytes", "16KiB",
		"--max-output-bytes", "8MiB", "--write-timeout", "500ms")
	_, err := dial(t, d, 1)[0].Write([]byte(harness.Ask("never")))
	must(t, err)
	admin := observe.Dial(t, d)
	harness.Await(t, "its end", func() bool {
		closed := admin.Command(t, "connections").Closed
		return len(closed) == 1 && closed[0].Reason == "slow_reader"
	})
}
