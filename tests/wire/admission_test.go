package wire

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"inferd/tests/harness"
)

// ends collects the outcomes of one request each of n clients.
func ends(t *testing.T, d *harness.Daemon, n int) []string {
	t.Helper()
	all := make([]string, n)
	each(t, n, func(i int) error {
		c, err := harness.TryDial("unix", d.Unix())
		if err != nil {
			return err
		}
		defer c.Close()
		if err := c.TrySend(harness.Ask(fmt.Sprint("client-", i))); err != nil {
			return err
		}
		last, err := c.TryLast()
		if err != nil {
			return err
		}
		all[i] = last.Outcome()
		if err := c.TryCloseWrite(); err != nil {
			return err
		}
		return c.TryEOF() // exactly one terminal frame
	})
	slices.Sort(all)
	return all
}

// The upstream seed: a gate of two places, three clients at once.
func TestSeed_ThreeClientsTwoPlaces(t *testing.T) {
	t.Parallel()
	d := harness.StartMock(t, "--active-permits", "1", "--queue-depth", "1",
		"--mock-tokens", "8", "--mock-token-delay", "100ms")
	if got, want := ends(t, d, 3), []string{"done", "done", "queue_full"}; !slices.Equal(got, want) {
		t.Errorf("outcomes %q, want %q", got, want)
	}
}

// The other upstream seed: the refusal comes while the first request runs, with
// the second one's id.
func TestSeed_SecondIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	up := newUpstream(t)
	d := harness.Start(t, up.flags("--active-permits", "1", "--queue-depth", "0")...)
	first, second := d.Dial(t), d.Dial(t)
	first.Send(harness.Ask("first"))
	w := up.next(t)
	w.say("one ")
	if f := first.Frame(); f.Type != "token" {
		t.Fatalf("first frame %+v", f)
	}
	second.Send(harness.Ask("second"))
	second.Expect(`{"type":"error","id":"second","code":"queue_full","message":"queue full",` +
		`"retry_after_ms":100,"active":1,"queued":0}`)
	w.say("two") // the first one was still running
	w.finish("stop")
	if got := texts(first.Stream()); got != "two" {
		t.Errorf("the first client got %q more", got)
	}
	// The refused connection is open, and the place is free.
	second.Send(harness.Ask("again"))
	up.next(t).finish("stop")
	if f := second.Last(); f.Outcome() != "done" || f.ID != "again" {
		t.Errorf("frame %+v", f)
	}
}

func TestGate_HoldsExactlyItsCapacity(t *testing.T) {
	t.Parallel()
	f := func(permits, depth, active, queued int) {
		t.Helper()
		up := newUpstream(t)
		d := harness.Start(t, up.flags("--active-permits", fmt.Sprint(permits),
			"--queue-depth", fmt.Sprint(depth))...)
		var admitted []*harness.Conn
		for range active + queued {
			c := d.Dial(t)
			c.Send(harness.Ask("in"))
			admitted = append(admitted, c)
		}
		awaitLoad(t, d, active, queued)
		for range 3 {
			c := d.Dial(t)
			c.Send(harness.Ask("out"))
			c.Expect(fmt.Sprintf(`{"type":"error","id":"out","code":"queue_full",`+
				`"message":"queue full","retry_after_ms":100,"active":%d,"queued":%d}`,
				active, queued))
			// Validation comes before admission.
			c.Send(`{"id":"bad","messages":[]}` + "\n")
			c.Expect(refusal("bad", "invalid_request", noMessages))
		}
		// As many as there are permits run, never more.
		var running []*work
		for range active {
			running = append(running, up.next(t))
		}
		for range queued {
			if len(up.arrivals) > 0 {
				t.Errorf("(%d,%d): more than %d run", permits, depth, active)
			}
			running[0].finish("stop")
			running = append(running[1:], up.next(t))
		}
		for _, w := range running {
			w.finish("stop")
		}
		for _, c := range admitted {
			if last := c.Last(); last.Outcome() != "done" {
				t.Errorf("(%d,%d): %+v", permits, depth, last)
			}
		}
	}
	f(1, 0, 1, 0)
	f(0, 0, 1, 0) // 0 counts as 1
	f(1, 2, 1, 2)
	f(3, 0, 3, 0)
	f(2, 3, 2, 3)
}

func TestQueue_FirstComeFirstServed(t *testing.T) {
	t.Parallel()
	const waiting = 8
	up := newUpstream(t)
	d := harness.Start(t, up.flags("--active-permits", "1", "--queue-depth", fmt.Sprint(waiting))...)
	clients := make([]*harness.Conn, waiting+1)
	for i := range clients {
		clients[i] = d.Dial(t)
		clients[i].Send(fmt.Sprintf(`{"messages":[{"role":"user","content":"%d"}]}`+"\n", i))
		awaitLoad(t, d, 1, i)
	}
	for i, c := range clients {
		w := up.next(t)
		if got := w.Body.Messages[0].Content; got != fmt.Sprint(i) {
			t.Fatalf("the backend got %s as number %d", got, i)
		}
		w.finish("stop")
		c.Last()
	}
}

func TestQueueFull_RetryAfterIsPlausible(t *testing.T) {
	t.Parallel()
	const service = 200 * time.Millisecond
	up := newUpstream(t)
	d := harness.Start(t, up.flags("--active-permits", "1", "--queue-depth", "2")...)
	c := d.Dial(t)
	for range 2 {
		c.Send(harness.Ask("measured"))
		w := up.next(t)
		time.Sleep(service) // a backend that takes so long
		w.finish("stop")
		c.Last()
	}
	for range 3 {
		d.Dial(t).Send(harness.Ask("in"))
	}
	awaitLoad(t, d, 1, 2)
	c.Send(harness.Ask("out"))
	f := c.Frame()
	if f.Code != "queue_full" || *f.Active != 1 || *f.Queued != 2 {
		t.Fatalf("frame %+v", f)
	}
	// Three are ahead of who comes back, at 200 ms each on an idle machine.
	if got := time.Duration(*f.RetryAfterMS) * time.Millisecond; got < 3*service || got > 30*service {
		t.Errorf("retry_after_ms is %v with three requests of %v ahead", got, service)
	}
}

func TestQueueFull_WhoComesBackIsServed(t *testing.T) {
	t.Parallel()
	d := harness.StartMock(t, "--active-permits", "2", "--queue-depth", "1",
		"--mock-tokens", "2", "--mock-token-delay", "5ms")
	each(t, 20, func(i int) error {
		c, err := harness.TryDial("unix", d.Unix())
		if err != nil {
			return err
		}
		defer c.Close()
		for served := 0; served < 3; {
			if err := c.TrySend(harness.Ask("r")); err != nil {
				return err
			}
			f, err := c.TryLast()
			switch {
			case err != nil:
				return err
			case f.Outcome() == "done":
				served++
			case f.Outcome() == "queue_full":
				// Sooner than it says, or the test takes long.
				time.Sleep(min(time.Duration(*f.RetryAfterMS)*time.Millisecond, 10*time.Millisecond))
			default:
				return fmt.Errorf("client %d: %+v", i, f)
			}
		}
		return nil
	})
}

func TestDisconnect_WhileWaitingFreesThePlaceAtOnce(t *testing.T) {
	t.Parallel()
	up := newUpstream(t)
	d := harness.Start(t, up.flags("--active-permits", "1", "--queue-depth", "1")...)
	running, waiting, late := d.Dial(t), d.Dial(t), d.Dial(t)
	running.Send(harness.Ask("running"))
	w := up.next(t)
	waiting.Send(harness.Ask("waiting"))
	awaitLoad(t, d, 1, 1)
	late.Send(harness.Ask("late"))
	if f := late.Frame(); f.Code != "queue_full" {
		t.Fatalf("frame %+v", f)
	}
	_ = waiting.Close()
	awaitLoad(t, d, 1, 0) // the backend is as busy as before
	late.Send(harness.Ask("late"))
	awaitLoad(t, d, 1, 1)
	w.finish("stop")
	if f := running.Last(); f.Outcome() != "done" {
		t.Errorf("frame %+v", f)
	}
	up.next(t).finish("stop")
	if f := late.Last(); f.ID != "late" || f.Outcome() != "done" {
		t.Errorf("frame %+v", f)
	}
	d.AwaitEvent(t, "request_cancelled", func(e harness.Event) bool {
		return e.String("req_id") == "waiting" && e.String("stage") == "queued"
	})
}

func TestDisconnect_WhileRunningStopsTheBackend(t *testing.T) {
	t.Parallel()
	up := newUpstream(t)
	d := harness.Start(t, up.flags("--active-permits", "1", "--queue-depth", "0",
		"--tcp", "127.0.0.1:0")...)
	f := func(name string, victim *harness.Conn, saysFirst bool, leave func(*harness.Conn)) {
		t.Helper()
		victim.Send(harness.Ask("victim"))
		w := up.next(t)
		if saysFirst {
			w.say("unheard")
			victim.Frame()
		}
		leave(victim)
		select {
		case <-w.Gone:
		case <-time.After(opTimeout):
			t.Fatalf("%s: the backend still works for a client that left", name)
		}
		awaitLoad(t, d, 0, 0)
		next := d.Dial(t)
		next.Send(harness.Ask("next"))
		up.next(t).finish("stop")
		if last := next.Last(); last.Outcome() != "done" {
			t.Errorf("%s: %+v", name, last)
		}
	}
	closing := func(c *harness.Conn) { _ = c.Close() }
	resetting := func(c *harness.Conn) {
		_ = c.Conn.(interface{ SetLinger(int) error }).SetLinger(0)
		_ = c.Close()
	}
	f("unix, before the first token", d.Dial(t), false, closing)
	f("unix, behind a token", d.Dial(t), true, closing)
	f("tcp, reset", d.DialTCP(t), true, resetting)
}

// A TCP client that closed in an orderly way is noticed at a write.
func TestDisconnect_TCPCloseIsNoticedAtAToken(t *testing.T) {
	t.Parallel()
	d := harness.StartMock(t, "--active-permits", "1", "--queue-depth", "0",
		"--mock-tokens", "100000", "--mock-token-delay", "5ms", "--tcp", "127.0.0.1:0")
	c := d.DialTCP(t)
	c.Send(harness.Ask("r"))
	c.Frame()
	_ = c.Close()
	awaitLoad(t, d, 0, 0)
}

func TestClients_ManyAtOnce(t *testing.T) {
	t.Parallel()
	const tokens = 8
	n := 1000
	if harness.Stress {
		n = 5000
	}
	d := harness.StartMock(t, "--active-permits", "50", "--queue-depth", fmt.Sprint(n),
		"--mock-tokens", fmt.Sprint(tokens), "--mock-token-delay", "5ms", "--tcp", "127.0.0.1:0")
	tcp := d.TCP(t)
	var want strings.Builder
	for i := range tokens {
		fmt.Fprintf(&want, "t%d", i)
	}
	each(t, n, func(i int) error {
		network, addr := "unix", d.Unix()
		if i%2 == 1 {
			network, addr = "tcp", tcp
		}
		c, err := harness.TryDial(network, addr)
		if err != nil {
			return err
		}
		defer c.Close()
		id := fmt.Sprintf("client-%d", i)
		if err := c.TrySend(harness.Ask(id)); err != nil {
			return err
		}
		frames, err := c.TryStream()
		if err != nil {
			return fmt.Errorf("client %d: %w", i, err)
		}
		last := frames[len(frames)-1]
		if len(frames) != tokens+1 || last.ID != id || last.Content != want.String() ||
			last.Usage.CompletionTokens != tokens {
			return fmt.Errorf("client %d: %d frames, the last %+v", i, len(frames), last)
		}
		return nil
	})
	if code := d.Stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}
