package perimeter

import (
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"inferd/tests/harness"
	"inferd/tests/reliability/observe"
)

const (
	frameStarting = `{"id":"admin","status":"starting","type":"status"}`
	frameLoading  = `{"id":"admin","path":"(mock)","phase":"checking_local",` +
		`"status":"loading_model","type":"status"}`
	frameCaps = `{"accelerator":"cpu","audio":false,"backend":"mock","embed":true,` +
		`"gpu_layers":0,"id":"admin","status":"capabilities","thinking":true,"tools":false,` +
		`"type":"status","v2":true,"vision":false}`
	frameReady    = `{"id":"admin","status":"ready","type":"status"}`
	frameDraining = `{"id":"admin","status":"draining","type":"status"}`
)

// dialEarly connects to the admin socket as soon as there is one.
func dialEarly(t *testing.T, d *harness.Daemon) *harness.Conn {
	t.Helper()
	var c *harness.Conn
	harness.Await(t, "the admin socket", func() bool {
		if nc, err := net.Dial("unix", d.Admin()); err == nil {
			_ = nc.Close()
			c = d.DialAdmin(t)
			return true
		}
		return false
	})
	return c
}

// TestAdmin_BootTranscript: what a client sees from early in the boot to the
// end, byte for byte, and no inference socket before the engine is ready.
func TestAdmin_BootTranscript(t *testing.T) {
	t.Parallel()
	d := harness.Launch(t, "--backend", "mock", "--mock-ready-after", "3s")
	c := dialEarly(t, d)
	all := []string{c.Line()}
	for all[len(all)-1] != frameReady {
		if !absent(d.Unix()) && all[len(all)-1] != frameCaps {
			t.Error("an inference socket before the engine is ready")
		}
		all = append(all, c.Line())
	}
	want := []string{frameStarting, frameLoading, frameCaps, frameReady}
	// A client that came after `starting` sees the capabilities first, if they
	// are known, then the state.
	switch all[0] {
	case frameStarting:
	case frameLoading:
		want = want[1:]
	case frameCaps:
		want = []string{frameCaps, frameLoading, frameReady}
	}
	if strings.Join(all, "\n") != strings.Join(want, "\n") {
		t.Errorf("transcript:\n%s\nwant:\n%s", strings.Join(all, "\n"), strings.Join(want, "\n"))
	}
	// `ready` means that a connect succeeds now.
	answers(t, d)
	late := d.DialAdmin(t)
	late.Expect(frameCaps, frameReady)
	d.Signal(t, syscall.SIGTERM)
	for _, c := range []*harness.Conn{c, late} {
		c.Expect(frameDraining)
		c.EOF()
	}
	if code := d.Wait(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestAdmin_Modes(t *testing.T) {
	t.Parallel()
	d := harness.StartMock(t)
	for path, want := range map[string]os.FileMode{
		d.Admin(): 0o600, d.Unix(): 0o660, d.Lock(): 0o600,
	} {
		info, err := os.Lstat(path)
		must(t, err)
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %v, want %v", path, got, want)
		}
	}
}

// TestAdmin_Commands goes through every command and its refusals.
func TestAdmin_Commands(t *testing.T) {
	t.Parallel()
	d := harness.StartMock(t, "--mock-tokens", "2000", "--mock-token-delay", "10ms")
	admin := observe.Dial(t, d)
	refusal := func(line, word string) {
		t.Helper()
		r, err := admin.TryCommand(line)
		if err != nil || r.OK || !strings.Contains(r.Error, word) {
			t.Errorf("%s: %+v, %v; want a refusal with %q", line, r, err, word)
		}
	}
	refusal(`nonsense`, "JSON")
	refusal(`{"type":"question","command":"stats"}`, "type")
	refusal(`{"type":"command","command":"shutdown"}`, "unknown command")
	refusal(`{"type":"command","command":"log_level"}`, "level")
	refusal(`{"type":"command","command":"log_level","level":"loud"}`, "level")
	refusal(`{"type":"command","command":"cancel"}`, "conn")
	refusal(`{"type":"command","command":"cancel","conn":4711}`, "4711")

	c := d.Dial(t)
	c.Send(harness.Ask("the-running-one"))
	c.Frame()
	c.Frame() // bytes are counted when they are written: those of the first are by now
	if s := admin.Stats(t); s.Status != "ready" || s.Active != 1 || s.Connections != 1 ||
		s.Capacity != 11 || len(s.Backends) != 1 || s.Backends[0].Breaker != "closed" {
		t.Errorf("stats %+v", s)
	}
	list := admin.Command(t, "connections").Connections
	if len(list) != 1 {
		t.Fatalf("connections %+v", list)
	}
	peer := fmt.Sprintf("unix:%d:%d", os.Getuid(), os.Getpid())
	if l := list[0]; l.Peer != peer || l.RunningRequest != "the-running-one" || l.Requests != 1 ||
		l.PendingRequests != 1 || l.BytesIn == 0 || l.BytesOut == 0 || l.Wire != "v1" {
		t.Errorf("connection %+v", l)
	}

	r, err := admin.TryCommand(`{"type":"command","command":"log_level","level":"debug"}`)
	if err != nil || !r.OK || r.Level != "debug" {
		t.Errorf("log_level: %+v, %v", r, err)
	}
	r, err = admin.TryCommand(
		fmt.Sprintf(`{"type":"command","command":"cancel","conn":%d}`, list[0].ID))
	if err != nil || !r.OK {
		t.Fatalf("cancel: %+v, %v", r, err)
	}
	for err == nil {
		_, err = c.TryFrame()
	}
	var closed []observe.Closed
	harness.Await(t, "the connection to be in the ring", func() bool {
		closed = admin.Command(t, "connections").Closed
		return len(closed) > 0
	})
	if closed[0].Reason != "operator" || closed[0].Peer != peer {
		t.Errorf("closed %+v", closed)
	}
}

// TestAdmin_PendingOutput: the list shows who does not read.
func TestAdmin_PendingOutput(t *testing.T) {
	t.Parallel()
	d := harness.StartMock(t, "--mock-tokens", "1000", "--mock-token-bytes", "4KiB",
		"--stall-timeout", "30s")
	admin := observe.Dial(t, d)
	d.Dial(t).Send(harness.Ask("stuck"))
	harness.Await(t, "pending output", func() bool {
		list := admin.Command(t, "connections").Connections
		return len(list) == 1 && list[0].PendingOutputBytes > 64<<10
	})
}

// TestAdmin_ClosedRing holds the last 64, the newest last.
func TestAdmin_ClosedRing(t *testing.T) {
	t.Parallel()
	d := harness.StartMock(t)
	admin := observe.Dial(t, d)
	for range 70 {
		c := d.Dial(t)
		c.Send("nonsense\n")
		c.Frame()
		_ = c.Close()
	}
	d.Dial(t).CloseWrite()
	var closed []observe.Closed
	harness.Await(t, "71 closed connections", func() bool {
		closed = admin.Command(t, "connections").Closed
		return len(closed) > 0 && closed[len(closed)-1].Reason == "client_closed"
	})
	if len(closed) != 64 {
		t.Errorf("%d closed connections are remembered, want 64", len(closed))
	}
	for i, c := range closed[:len(closed)-1] {
		if c.Reason != "protocol_error" || c.At.IsZero() {
			t.Errorf("closed %d: %+v", i, c)
		}
	}
}

func TestAdmin_DrainCommand(t *testing.T) {
	t.Parallel()
	d := harness.StartMock(t, "--mock-tokens", "20", "--mock-token-delay", "10ms")
	c := d.Dial(t)
	c.Send(harness.Ask("r"))
	c.Frame()
	observe.Dial(t, d).Command(t, "drain")
	if f := end(c); f.Outcome() != "done" {
		t.Errorf("the running request ends with %+v", f)
	}
	if code := d.Wait(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// TestAdmin_SlowClientIsDropped: who lags more than 256 frames sees the end, and
// publishing goes on.
func TestAdmin_SlowClientIsDropped(t *testing.T) {
	t.Parallel()
	d, _ := reloadable(t, "{"+mockList+"}")
	slow := d.DialAdmin(t)
	slow.Frame()
	slow.Frame() // from here on it does not read
	admin := observe.Dial(t, d)
	for range 3000 { // two frames each; the kernel's buffers take some
		admin.Command(t, "reload")
		if strings.Contains(strings.Join(d.Log()[max(0, len(d.Log())-3):], ""), "lagged") {
			break
		}
	}
	d.AwaitLog(t, "admin client lagged broadcast; closing")
	var err error
	for err == nil {
		_, err = slow.TryLine()
	}
	if strings.Contains(err.Error(), "timeout") {
		t.Errorf("the slow client sees %v, not the end", err)
	}
	fresh := d.DialAdmin(t)
	fresh.Frame()
	if f := fresh.Frame(); f.Status != "ready" {
		t.Errorf("a fresh client sees %+v", f)
	}
}

// TestAdmin_HalfClosedWatcherGoesOn: closing the sending side is no departure.
func TestAdmin_HalfClosedWatcherGoesOn(t *testing.T) {
	t.Parallel()
	d, _ := reloadable(t, "{"+mockList+"}")
	watcher := d.DialAdmin(t)
	watcher.CloseWrite()
	watcher.Frame()
	watcher.Frame()
	reload(t, d, watcher)
}
