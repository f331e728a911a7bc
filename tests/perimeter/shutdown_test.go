package perimeter

import (
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"inferd/tests/harness"
	"inferd/tests/reliability/observe"
)

// streams opens n connections with a running request each and reads their first
// frame.
func streams(t *testing.T, d *harness.Daemon, n int) []*harness.Conn {
	t.Helper()
	all := make([]*harness.Conn, n)
	for i := range all {
		all[i] = d.Dial(t)
		all[i].Send(harness.Ask("r"))
	}
	for _, c := range all {
		c.Frame()
	}
	return all
}

// TestRow18_DrainAtFullLoad: SIGTERM with 500 streams in flight and as many
// waiting. Each gets its terminal frame; what is new is refused.
func TestRow18_DrainAtFullLoad(t *testing.T) {
	t.Parallel()
	const n = 500
	// Two seconds for each half of the requests: none of the second may be done
	// before the signal comes.
	d := harness.StartMock(t, "--mock-tokens", "100", "--mock-token-delay", "20ms",
		"--active-permits", "500", "--queue-depth", "500", "--drain-timeout", "1m")
	admin := observe.Dial(t, d)
	watcher := d.DialAdmin(t)
	watcher.Expect(frameCaps, frameReady)
	running := streams(t, d, n)
	waiting := make([]*harness.Conn, n)
	for i := range waiting {
		waiting[i] = d.Dial(t)
		waiting[i].Send(harness.Ask("w"))
	}
	idle := d.Dial(t)
	admin.Await(t, "all requests inside", func(s observe.Stats) bool {
		return s.Active+s.Queued+int(s.Counters.Requests["done"]) == 2*n
	})
	began := time.Now()
	d.Signal(t, syscall.SIGTERM)
	watcher.Expect(frameDraining)

	idle.Send(harness.Ask("new on an open connection"))
	if f := idle.Frame(); f.Outcome() != "backend_unavailable" {
		t.Errorf("a new request gets %+v", f)
	}
	idle.EOF()
	if nc, err := net.Dial("unix", d.Unix()); err == nil {
		_ = nc.Close()
		t.Error("a new connection is accepted while draining")
	}
	for i, c := range append(running, waiting...) {
		if f := end(c); f.Outcome() != "done" {
			t.Fatalf("request %d ends with %+v", i, f)
		}
		c.EOF()
	}
	if code := d.Wait(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	watcher.EOF()
	t.Logf("%d requests drained within %v", 2*n, time.Since(began).Round(time.Millisecond))
	d.AwaitEvent(t, "shutdown complete", nil)
}

// TestRow18_SecondSignalCuts at once, whatever is running.
func TestRow18_SecondSignalCuts(t *testing.T) {
	t.Parallel()
	d := harness.StartMock(t, "--mock-tokens", "100000", "--mock-token-delay", "10ms",
		"--active-permits", "50", "--queue-depth", "50", "--drain-timeout", "1h")
	all := streams(t, d, 50)
	d.Signal(t, syscall.SIGTERM)
	d.AwaitLog(t, "shutdown signalled")
	all[0].Frame() // still served
	began := time.Now()
	d.Signal(t, syscall.SIGINT)
	if code := d.Wait(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	t.Logf("50 streams cut within %v", time.Since(began).Round(time.Millisecond))
	for _, c := range all {
		if f := end(c); f.Outcome() != "backend_unavailable" {
			t.Errorf("a cut request ends with %+v", f)
		}
	}
	d.AwaitLog(t, "second signal")
	d.AwaitLog(t, "drain cut active=50")
}

// TestRow18_DrainTimeout: what does not end in time is cut, counted and logged,
// and each client can tell.
func TestRow18_DrainTimeout(t *testing.T) {
	t.Parallel()
	d := harness.StartMock(t, "--mock-tokens", "100000", "--mock-token-delay", "10ms",
		"--active-permits", "3", "--queue-depth", "5", "--drain-timeout", "300ms")
	all := streams(t, d, 3)
	waiting := d.Dial(t)
	waiting.Send(harness.Ask("w"))
	observe.Dial(t, d).Await(t, "one waiting", func(s observe.Stats) bool { return s.Queued == 1 })
	began := time.Now()
	if code := d.Stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if took := time.Since(began); took < 300*time.Millisecond {
		t.Errorf("the drain was given up after %v", took)
	}
	d.AwaitLog(t, "drain cut active=3 queued=1")
	e := d.AwaitEvent(t, "drain_cut", nil)
	if e.Number("running") != 3 || e.Number("queued") != 1 {
		t.Errorf("event %v", e)
	}
	for _, c := range append(all, waiting) {
		if f := end(c); f.Outcome() != "backend_unavailable" {
			t.Errorf("a cut request ends with %+v", f)
		}
		c.EOF()
	}
}

// TestRow18_NeverReaders do not hold the end up.
func TestRow18_NeverReaders(t *testing.T) {
	t.Parallel()
	d := harness.StartMock(t, "--mock-tokens", "1000", "--mock-token-bytes", "16KiB",
		"--active-permits", "20", "--drain-timeout", "1h", "--stall-timeout", "500ms")
	for range 20 {
		d.Dial(t).Send(harness.Ask("r"))
	}
	observe.Dial(t, d).Await(t, "pending work", func(s observe.Stats) bool { return s.Active > 0 })
	if code := d.Stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// TestRow18_SignalDuringBoot ends it, with code 0.
func TestRow18_SignalDuringBoot(t *testing.T) {
	t.Parallel()
	d := harness.Launch(t, "--backend", "mock", "--mock-ready-after", "1h", "--ready-timeout", "2h")
	c := dialEarly(t, d)
	c.Frame() // now the daemon knows the client
	d.AwaitLog(t, "backend constructed")
	d.Signal(t, syscall.SIGTERM)
	if code := d.Wait(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	last := ""
	for line, err := c.TryLine(); err == nil; line, err = c.TryLine() {
		last = line
	}
	if last != frameDraining {
		t.Errorf("the last frame is %s", last)
	}
	if !absent(d.Unix()) {
		t.Error("there is an inference socket")
	}
}

// TestRow18_FloodDuringDrain: clients that go on asking neither get in nor keep
// the daemon.
func TestRow18_FloodDuringDrain(t *testing.T) {
	t.Parallel()
	d := harness.StartMock(t, "--mock-tokens", "30", "--mock-token-delay", "10ms",
		"--active-permits", "8", "--queue-depth", "8")
	all := streams(t, d, 8)
	path := d.Unix() // the goroutines below must not use d
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for {
				c, err := harness.TryDial("unix", path)
				if err != nil {
					return
				}
				for err == nil {
					if err = c.TrySend(harness.Ask("more")); err == nil {
						_, err = c.TryLast()
					}
				}
				_ = c.Close()
			}
		})
	}
	d.Signal(t, syscall.SIGTERM)
	for _, c := range all {
		if f := end(c); f.Outcome() != "done" {
			t.Errorf("%+v", f)
		}
	}
	if code := d.Wait(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	wg.Wait()
}

// TestRow19_FailuresAreNotZero: each way to fail has its code, and leaves no
// sockets.
func TestRow19_FailuresAreNotZero(t *testing.T) {
	t.Parallel()
	f := func(want int, word string, flags ...string) {
		t.Helper()
		// One processor: what was only just started has had no turn yet.
		d := harness.Spec{Flags: flags, Env: []string{"GOMAXPROCS=1"}}.Launch(t)
		code := d.Wait(t)
		refused(t, want, code, strings.Join(d.Log(), "\n"), word)
		if !absent(d.Admin()) || !absent(d.Unix()) {
			t.Errorf("%q: its sockets stay behind", flags)
		}
	}
	f(2, "no-such-flag", "--no-such-flag")
	f(1, "not ready within", "--backend", "mock", "--mock-ready-after", "1h",
		"--ready-timeout", "100ms")
	f(1, "no-such-file", "--model-path", "/no-such-file.gguf")
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer taken.Close()
	f(1, "in use", "--backend", "mock", "--tcp", taken.Addr().String())
	f(1, "in use", "--backend", "mock", "--metrics-addr", taken.Addr().String())
}

// TestRow19_CrashIsNoUsageError: a crash of the daemon itself ends it by a
// signal. The Go runtime's own exit code of a crash is 2, which the units take
// for a bad configuration and do not restart.
func TestRow19_CrashIsNoUsageError(t *testing.T) {
	t.Parallel()
	d := harness.StartMock(t)
	d.Signal(t, syscall.SIGSEGV)
	if code := d.Wait(t); code != -1 {
		t.Errorf("exit code %d, want an end by signal", code)
	}
	if log := strings.Join(d.Log(), "\n"); !strings.Contains(log, "goroutine ") {
		t.Error("a crash leaves no trace on stderr")
	}
}
