package reliability

import (
	"cmp"
	"slices"
	"strconv"
	"testing"
	"time"

	"go.uber.org/atomic"

	"inferd/tests/harness"
	"inferd/tests/reliability/observe"
)

// TestRow08_HalfClose: a client that closes its sending side and waits gets all
// its frames, then the end; also with several requests ahead of the answers.
func TestRow08_HalfClose(t *testing.T) {
	t.Parallel()
	d := harness.StartMock(t, "--mock-tokens", "5", "--mock-token-delay", "5ms",
		"--tcp", "127.0.0.1:0", "--active-permits", "4", "--queue-depth", "100")
	for _, c := range []*harness.Conn{d.Dial(t), d.DialTCP(t)} {
		for i := range 3 {
			c.Send(harness.Ask("r" + strconv.Itoa(i)))
		}
		c.CloseWrite()
		for i := range 3 {
			all := c.Stream()
			if f := all[len(all)-1]; len(all) != 6 || f.Outcome() != "done" ||
				f.ID != "r"+strconv.Itoa(i) {
				t.Errorf("answer %d: %d frames, the last %+v", i, len(all), f)
			}
		}
		c.EOF()
	}
	// An unterminated last request counts; its end of input is its newline.
	c := d.Dial(t)
	c.Send(harness.Ask("last")[:len(harness.Ask("last"))-1])
	c.CloseWrite()
	if f := c.Last(); f.Outcome() != "done" {
		t.Errorf("%+v", f)
	}
	c.EOF()
}

// TestRow09_Disconnects at every stage: the work ends, the ticket comes back,
// and a bystander notices nothing.
func TestRow09_Disconnects(t *testing.T) {
	n := size(400, 10000)
	d := harness.StartMock(t, "--mock-tokens", "100000", "--mock-token-delay", "5ms",
		"--active-permits", "2", "--queue-depth", "20")
	admin := observe.Dial(t, d)
	path := d.Unix()
	// The bystander streams through it all.
	bystander := d.Dial(t)
	bystander.Send(harness.Ask("bystander"))
	bystander.Frame()
	began := time.Now()
	clients(t, 8, func(client int) error {
		for i := range n / 8 {
			c, err := harness.TryDial("unix", path)
			if err != nil {
				return err
			}
			if err := c.TrySend(harness.Ask("r")); err != nil {
				return err
			}
			switch (client + i) % 4 {
			case 0: // at once: queued, or before the first token
			case 1:
				time.Sleep(time.Millisecond) // anywhere in between
			case 2: // streaming, or refused
				if _, err := c.TryFrame(); err != nil {
					return err
				}
			case 3:
				_ = c.TrySend(harness.Ask("second")) // with one more waiting in line
			}
			_ = c.Close()
		}
		return nil
	})
	t.Logf("%d disconnects in %v", n, time.Since(began).Round(time.Millisecond))
	s := admin.Await(t, "everybody but the bystander to be gone", func(s observe.Stats) bool {
		return s.Active == 1 && s.Queued == 0 && s.Connections == 1
	})
	if s.Counters.Panics != 0 {
		t.Errorf("%d panics", s.Counters.Panics)
	}
	bystander.Frame()
	_ = bystander.Close()
	admin.AwaitIdle(t)
}

// TestRow10_SendAndDisconnectFlood: beside a flood of clients that ask and leave,
// no more requests run at once than there are permits, as their log lines tell.
func TestRow10_SendAndDisconnectFlood(t *testing.T) {
	const permits, patient = 4, 12
	length := time.Duration(size(1, 30)) * time.Second
	d := harness.StartMock(t, "--mock-tokens", "10", "--mock-token-delay", "2ms",
		"--active-permits", strconv.Itoa(permits), "--queue-depth", "1000",
		"--log-max-bytes", "1GiB")
	path := d.Unix()
	var sent, done atomic.Uint64
	until := time.Now().Add(length)
	clients(t, 8+patient, func(client int) error {
		for time.Now().Before(until) {
			c, err := harness.TryDial("unix", path)
			if err != nil {
				return err
			}
			if err := c.TrySend(harness.Ask("r")); err != nil {
				return err
			}
			if sent.Inc(); client < patient {
				if _, err := c.TryLast(); err != nil {
					return err
				}
				done.Inc()
			}
			_ = c.Close()
		}
		return nil
	})
	s := observe.Dial(t, d).AwaitIdle(t)
	var spans []span
	harness.Await(t, "all log lines", func() bool {
		spans = spansOf(t, d.ActivityLog(t))
		return uint64(len(spans)) >= min(done.Load(), s.Counters.Requests["done"])
	})
	most := mostAtOnce(spans)
	t.Logf("%d requests in %v, %d of them waited for, %d left; at most %d ran at once",
		sent.Load(), length, done.Load(), s.Counters.Requests["cancelled"], most)
	if most > permits {
		t.Errorf("%d requests ran at once, %d are permitted", most, permits)
	}
	if s.Counters.Requests["cancelled"] == 0 || most == 0 {
		t.Error("nobody left, or nothing ran: the test proves nothing")
	}
	total := uint64(0)
	for _, n := range s.Counters.Requests {
		total += n
	}
	if total > sent.Load() {
		t.Errorf("%d outcomes of %d requests", total, sent.Load())
	}
}

// span is when a request had a worker.
type span struct{ start, end time.Time }

// spansOf reads them from the request_done events.
func spansOf(t *testing.T, events []harness.Event) []span {
	t.Helper()
	millis := func(f float64) time.Duration { return time.Duration(f * float64(time.Millisecond)) }
	var spans []span
	for _, e := range events {
		if e.Msg() != "request_done" {
			continue
		}
		at, err := time.Parse(time.RFC3339Nano, e.String("t"))
		must(t, err)
		ran := millis(e.Number("duration_ms") - e.Number("queue_wait_ms"))
		// The line is stamped a little after the end that the duration measures.
		const slack = time.Millisecond
		spans = append(spans, span{at.Add(-ran + slack), at.Add(-slack)})
	}
	return spans
}

// mostAtOnce is the largest number of spans that overlap.
func mostAtOnce(spans []span) int {
	type edge struct {
		at   time.Time
		step int
	}
	edges := make([]edge, 0, 2*len(spans))
	for _, s := range spans {
		if s.start.Before(s.end) {
			edges = append(edges, edge{s.start, 1}, edge{s.end, -1})
		}
	}
	slices.SortFunc(edges, func(a, b edge) int {
		return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.step, b.step))
	})
	now, most := 0, 0
	for _, e := range edges {
		now += e.step
		most = max(most, now)
	}
	return most
}
