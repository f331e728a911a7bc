package reliability

import (
	"testing"
	"time"

	"inferd/tests/harness"
	"inferd/tests/reliability/observe"
)

// mostIdleBytes is what one idle connection may cost the daemon.
const mostIdleBytes = 20 << 10

// TestRow01_IdleAndStreaming: 10,000 idle connections cost little memory, and
// 1,000 streams beside them lose nothing.
func TestRow01_IdleAndStreaming(t *testing.T) {
	idle, streaming := size(1000, 10000), size(100, 1000)
	tokens := "40"
	d := harness.StartMock(t, "--mock-tokens", tokens, "--mock-token-delay", "10ms",
		"--active-permits", "1000", "--queue-depth", "1000")
	admin := observe.Dial(t, d)
	answers(t, d)
	before := observe.RSS(t, d.PID)
	sleepers := dial(t, d, idle)
	admin.Await(t, "all connections", func(s observe.Stats) bool { return s.Connections >= idle })
	each := (observe.RSS(t, d.PID) - before) / int64(idle)
	t.Logf("%d idle connections: %d bytes of the daemon's memory each", idle, each)
	if each > mostIdleBytes && !harness.Race {
		t.Errorf("an idle connection costs %d bytes, at most %d are promised", each, mostIdleBytes)
	}

	began := time.Now()
	path := d.Unix()
	clients(t, streaming, func(int) error {
		c, err := harness.TryDial("unix", path)
		if err != nil {
			return err
		}
		defer c.Close()
		if err := c.TrySend(harness.Ask("s")); err != nil {
			return err
		}
		all, err := c.TryStream() // checks that the done holds every token
		if err == nil && len(all) != 41 {
			t.Errorf("%d frames, want 40 tokens and a done", len(all))
		}
		return err
	})
	t.Logf("%d streams of %s tokens in %v", streaming, tokens,
		time.Since(began).Round(time.Millisecond))

	// Every one of the idle is still there and is served.
	if s := admin.Stats(t); s.Connections < idle {
		t.Errorf("%d connections are left of %d", s.Connections, idle)
	}
	for _, i := range []int{0, idle / 2, idle - 1} {
		_, err := sleepers[i].Write([]byte(harness.Ask("late")))
		must(t, err)
		buf := make([]byte, 1)
		must(t, sleepers[i].SetReadDeadline(time.Now().Add(opTimeout)))
		_, err = sleepers[i].Read(buf)
		must(t, err)
	}
}

// TestRow20_Churn: 10,000 connects and closes leave nothing behind.
func TestRow20_Churn(t *testing.T) {
	n := size(2000, 10000)
	d := harness.StartMock(t)
	admin := observe.Dial(t, d)
	answers(t, d)
	fds := observe.FDs(t, d.PID)
	path := d.Unix()
	began := time.Now()
	clients(t, 8, func(int) error {
		for range n / 8 {
			c, err := harness.TryDial("unix", path)
			if err != nil {
				return err
			}
			_ = c.Close()
		}
		return nil
	})
	took := time.Since(began)
	admin.Await(t, "the last to go", func(s observe.Stats) bool { return s.Connections == 0 })
	const slack = 4 // the log and the runtime open some of their own meanwhile
	harness.Await(t, "about as many descriptors as before", func() bool {
		return observe.FDs(t, d.PID) <= fds+slack
	})
	t.Logf("%d connections in %v: %.0f a second", n, took.Round(time.Millisecond),
		float64(n)/took.Seconds())
	answers(t, d)
}
