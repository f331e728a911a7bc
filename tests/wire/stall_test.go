package wire

import (
	"bytes"
	"fmt"
	"io"
	"testing"
	"time"

	"inferd/tests/harness"
)

// retry asks on new connections until the answer is a done, as a client does
// that is refused; any outcome but these two is an error.
func retry(t *testing.T, d *harness.Daemon) {
	t.Helper()
	harness.Await(t, "a place for the next client", func() bool {
		c := d.Dial(t)
		defer c.Close()
		c.Send(ask("victim", `"stream":false`))
		f := c.Last()
		if f.Outcome() != "done" && f.Outcome() != "queue_full" {
			t.Fatalf("frame %+v", f)
		}
		return f.Outcome() == "done"
	})
}

// A client that reads no further than its first frame must not keep its place, nor
// the sockets' buffers decide about it.
func TestStall_IsEnded(t *testing.T) {
	t.Parallel()
	f := func(network string, flags ...string) {
		t.Helper()
		d := harness.StartMock(t, append([]string{
			"--active-permits", "1", "--queue-depth", "0", "--tcp", "127.0.0.1:0",
		}, flags...)...)
		hostile := d.Dial(t)
		if network == "tcp" {
			hostile = d.DialTCP(t)
		}
		hostile.Send(harness.Ask("hostile"))
		hostile.Frame() // it is the one that runs
		retry(t, d)
		e := d.AwaitEvent(t, "connection_closed", func(e harness.Event) bool {
			return e.String("reason") == "slow_reader"
		})
		if e.Number("bytes_out") == 0 {
			t.Errorf("%s: %v", network, e)
		}
		// What had been sent is readable, and then it ends without a done.
		for {
			f, err := hostile.TryFrame()
			if err == nil && f.Type == "token" {
				continue
			}
			if err == nil {
				t.Errorf("%s: a terminal frame for who did not read: %+v", network, f.Type)
			}
			break
		}
	}
	// Upstream's answer, with an outbox smaller than the answer.
	f("unix", "--mock-tokens", "512", "--mock-token-bytes", "4096", "--write-timeout", "2s",
		"--stall-timeout", "2s", "--max-output-bytes", "64KiB")
	// More than the default outbox holds.
	f("unix", "--mock-tokens", "192", "--mock-token-bytes", "64KiB", "--write-timeout", "2s",
		"--stall-timeout", "2s", "--max-output-bytes", "8MiB")
	// More than TCP's buffers hold.
	f("tcp", "--mock-tokens", "256", "--mock-token-bytes", "64KiB", "--write-timeout", "2s",
		"--stall-timeout", "2s", "--max-output-bytes", "1MiB")
}

// Upstream's own numbers at the default limits: the answer fits the outbox, so
// the place is free at once.
func TestStall_UpstreamsNumbers(t *testing.T) {
	t.Parallel()
	d := harness.StartMock(t, "--active-permits", "1", "--queue-depth", "0",
		"--mock-tokens", "512", "--mock-token-bytes", "4096", "--write-timeout", "600ms")
	hostile := d.Dial(t)
	hostile.Send(harness.Ask("hostile"))
	hostile.Frame()
	retry(t, d)
	d.AwaitEvent(t, "connection_closed", func(e harness.Event) bool {
		return e.String("reason") == "slow_reader"
	})
	_ = hostile.Close()
}

// A client that reads slowly but steadily is served to the end, although it takes
// less in a deadline than its socket's buffer holds.
func TestStall_SlowButSteadyIsServed(t *testing.T) {
	t.Parallel()
	const tokens = 100
	d := harness.StartMock(t, "--mock-tokens", fmt.Sprint(tokens), "--mock-token-bytes", "4096",
		"--write-timeout", "1500ms", "--stall-timeout", "1500ms", "--max-output-bytes", "64KiB")
	c := d.Dial(t)
	_ = c.SetDeadline(time.Now().Add(2 * opTimeout))
	c.Send(harness.Ask("slow"))
	answer, err := io.ReadAll(io.LimitReader(&slowReader{c.Conn}, tokens*4096))
	if err != nil || len(answer) != tokens*4096 {
		t.Fatalf("cut off behind %d bytes: %v", len(answer), err)
	}
	rest, err := io.ReadAll(io.LimitReader(c.Conn, tokens*4096))
	if err != nil || !bytes.Contains(append(answer, rest...), []byte(`{"type":"done","id":"slow"`)) {
		t.Errorf("no done within %d bytes: %v", len(answer)+len(rest), err)
	}
}

// slowReader reads about 90 KB/s.
type slowReader struct{ from io.Reader }

func (r *slowReader) Read(p []byte) (int, error) {
	time.Sleep(45 * time.Millisecond) // being slow is the point
	return r.from.Read(p[:min(len(p), 4096)])
}

// A client that does not read holds up nobody else.
func TestStall_OthersAreNotHeldUp(t *testing.T) {
	t.Parallel()
	d := harness.StartMock(t, "--active-permits", "3", "--queue-depth", "10",
		"--mock-tokens", "512", "--mock-token-bytes", "4096",
		"--write-timeout", "1m", "--stall-timeout", "1m", "--max-output-bytes", "64KiB")
	for range 2 {
		d.Dial(t).Send(harness.Ask("hostile"))
	}
	awaitLoad(t, d, 2, 0)
	for range 5 {
		served(t, d)
	}
	if a, _ := load(t, d); a != 2 {
		t.Errorf("%d requests are running", a)
	}
}
