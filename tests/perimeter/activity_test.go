package perimeter

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"inferd/tests/harness"
	"inferd/tests/reliability/observe"
)

// has fails unless the event holds each of the keys.
func has(t *testing.T, e harness.Event, keys ...string) {
	t.Helper()
	for _, k := range append(keys, "t", "level", "component", "msg") {
		if _, ok := e[k]; !ok {
			t.Errorf("%s without %q: %v", e.Msg(), k, e)
		}
	}
	if _, err := time.Parse(time.RFC3339Nano, e.String("t")); err != nil ||
		strings.HasSuffix(e.String("t"), "Z") {
		t.Errorf("%s: time %q is not RFC 3339 with a numeric offset", e.Msg(), e.String("t"))
	}
	if e.String("component") != "activity" {
		t.Errorf("%s is of component %q", e.Msg(), e.String("component"))
	}
}

func ofRequest(id string) func(harness.Event) bool {
	return func(e harness.Event) bool { return e.String("req_id") == id }
}

// TestActivity_Events makes each event happen and reads it back.
func TestActivity_Events(t *testing.T) {
	t.Parallel()
	d := harness.StartMock(t, "--mock-tokens", "100000", "--mock-token-delay", "10ms",
		"--active-permits", "1", "--queue-depth", "1")
	admin := observe.Dial(t, d)

	a, b, c := d.Dial(t), d.Dial(t), d.Dial(t)
	a.Send(harness.Ask("running-and-gone"))
	a.Frame()
	b.Send(harness.Ask("queued-and-gone"))
	admin.Await(t, "one waiting", func(s observe.Stats) bool { return s.Queued == 1 })
	c.Send(harness.Ask("too-many"))
	c.Last()
	_ = b.Close()
	admin.Await(t, "none waiting", func(s observe.Stats) bool { return s.Queued == 0 })
	_ = a.Close()
	c.Send(`{"id":"bad","messages":[]}` + "\n")
	c.Last()
	c.Send(strings.Repeat("x", 64<<20+1))
	if f := c.Frame(); f.Outcome() != "frame_too_large" {
		t.Errorf("%+v", f)
	}
	c.EOF()
	_ = c.Close()

	has(t, d.AwaitEvent(t, "connection_accepted", nil), "conn", "peer", "peer_uid", "peer_pid",
		"transport")
	has(t, d.AwaitEvent(t, "queue_full", ofRequest("too-many")), "conn", "peer", "active", "queued",
		"retry_after_ms")
	has(t, d.AwaitEvent(t, "invalid_request", ofRequest("bad")), "conn", "peer", "reason")
	has(t, d.AwaitEvent(t, "request_oversized", nil), "conn", "peer", "limit_bytes")
	for id, stage := range map[string]string{
		"queued-and-gone": "queued", "running-and-gone": "running",
	} {
		e := d.AwaitEvent(t, "request_cancelled", ofRequest(id))
		has(t, e, "conn", "peer", "reason", "duration_ms")
		if e.String("stage") != stage {
			t.Errorf("%s was cancelled while %s, want %s", id, e.String("stage"), stage)
		}
	}
	e := d.AwaitEvent(t, "connection_closed", func(e harness.Event) bool {
		return e.String("reason") == "protocol_error"
	})
	has(t, e, "conn", "peer", "bytes_in", "bytes_out", "duration_ms")

	// One connection's events carry one number.
	full := d.AwaitEvent(t, "queue_full", ofRequest("too-many")).Number("conn")
	bad := d.AwaitEvent(t, "invalid_request", ofRequest("bad")).Number("conn")
	if full != bad || full != e.Number("conn") || full == 0 {
		t.Errorf("one connection's events are of %v, %v and %v", full, bad, e.Number("conn"))
	}

	quick := harness.StartMock(t)
	answers(t, quick)
	has(t, quick.AwaitEvent(t, "request_done", ofRequest("alive")), "conn", "peer", "backend",
		"stop_reason", "prompt_tokens", "completion_tokens", "queue_wait_ms", "ttft_ms", "duration_ms")
}

// TestActivity_BackendEvents: failures before and behind the first token, and
// the breaker's way from closed to open and back.
func TestActivity_BackendEvents(t *testing.T) {
	t.Parallel()
	broken := harness.StartMock(t, "--mock-tokens", "5", "--mock-drop-after", "2")
	c := broken.Dial(t)
	c.Send(harness.Ask("torn"))
	if f := c.Last(); f.Outcome() != "backend_unavailable" {
		t.Errorf("%+v", f)
	}
	has(t, broken.AwaitEvent(t, "request_error_mid_stream", ofRequest("torn")), "backend", "conn",
		"peer", "reason")

	failing := harness.StartMock(t, "--mock-error", "unavailable")
	c = failing.Dial(t)
	for range 4 {
		c.Send(harness.Ask("f"))
		if f := c.Last(); f.Outcome() != "backend_unavailable" {
			t.Errorf("%+v", f)
		}
	}
	has(t, failing.AwaitEvent(t, "backend_failed", ofRequest("f")), "backend", "conn", "peer",
		"reason")
	has(t, failing.AwaitEvent(t, "breaker_opened", nil), "backend")
	has(t, failing.AwaitEvent(t, "no_backend", ofRequest("f")), "conn", "peer")
	n := 0
	for _, e := range failing.ActivityLog(t) {
		if e.Msg() == "backend_failed" {
			n++
		}
	}
	if n != 3 {
		t.Errorf("the backend was asked %d times, want 3: then its breaker is open", n)
	}
	if s := observe.Dial(t, failing).Stats(t); s.Backends[0].Breaker != "open" {
		t.Errorf("the breaker is %s", s.Backends[0].Breaker)
	}
}

// TestRow22_SecretInRequestID never reaches the file, stderr or the admin socket.
func TestRow22_SecretInRequestID(t *testing.T) {
	t.Parallel()
	d := harness.StartMock(t, "--mock-tokens", "3", "--mock-token-delay", "100ms")
	secrets := []string{
		"sk-abcdefghijklmnop0123", "sk-ant-" + strings.Repeat("a1b2", 6), "AKIAABCDEFGHIJKLMNOP",
		"ghp_abcdefghijklmnopqrst01234", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
	}
	admin := observe.Dial(t, d)
	for _, s := range secrets {
		c := d.Dial(t)
		c.Send(`{"id":"` + s + `","messages":[{"role":"user","content":"the prompt ` + s + `"}]}` + "\n")
		c.Frame()
		for _, l := range admin.Command(t, "connections").Connections {
			if strings.Contains(l.RunningRequest, s) {
				t.Errorf("%s is in the connection list", s)
			}
		}
		if f := end(c); f.ID != s {
			t.Errorf("the client's own id comes back as %q", f.ID)
		}
		c.Send(`{"id":"` + s + `","messages":[{"role":"` + s + `","content":"x"}]}` + "\n")
		if f := c.Last(); f.Outcome() != "invalid_request" || strings.Contains(f.Message, s) {
			t.Errorf("%+v", f)
		}
		_ = c.Close()
	}
	harness.Await(t, "all events", func() bool {
		n := 0
		for _, e := range d.ActivityLog(t) {
			if e.Msg() == "request_done" || e.Msg() == "invalid_request" {
				n++
			}
		}
		return n == 2*len(secrets)
	})
	text := read(t, d.Activity()) + strings.Join(d.Log(), "\n")
	for _, s := range secrets {
		if strings.Contains(text, s) {
			t.Errorf("%s is in the log", s)
		}
	}
	for _, word := range []string{"the prompt", "t0t1"} {
		if strings.Contains(text, word) {
			t.Errorf("content is in the log: %q", word)
		}
	}
	if !strings.Contains(text, "[REDACTED:") {
		t.Error("nothing was redacted: the test proves nothing")
	}
}

func TestActivity_Modes(t *testing.T) {
	t.Parallel()
	d := harness.StartMock(t)
	d.AwaitLog(t, "admission gate configured")
	d.AwaitEvent(t, "admission gate configured", nil)
	for path, want := range map[string]os.FileMode{
		d.Activity(): 0o600, filepath.Dir(d.Activity()): 0o700,
	} {
		info, err := os.Lstat(path)
		must(t, err)
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %v, want %v", path, got, want)
		}
	}
}

// TestRow14_ReaderOfStderrGone: what the daemon says to people goes nowhere when
// nobody listens any more, or when he has stopped reading; it serves on and ends
// as it should.
func TestRow14_ReaderOfStderrGone(t *testing.T) {
	t.Parallel()
	for _, gone := range []bool{true, false} {
		r, w, err := os.Pipe()
		must(t, err)
		defer r.Close()
		d := harness.Spec{
			Stderr: w, Flags: []string{"--backend", "mock", "--log-level", "debug"},
		}.Launch(t)
		must(t, w.Close())
		d.AwaitReady(t)
		if gone {
			must(t, r.Close())
		}
		c := d.Dial(t)
		for range 1000 { // at level debug more than a pipe holds
			c.Send(harness.Ask("r"))
			if f := c.Last(); f.Outcome() != "done" {
				t.Fatalf("%+v", f)
			}
		}
		d.AwaitEvent(t, "request_done", ofRequest("r"))
		if code := d.Stop(t); code != 0 {
			t.Errorf("reader gone %v: exit code %d", gone, code)
		}
	}
}

// TestActivity_Rotation: no file above the limit, as many as configured, and no
// line lost on the way.
func TestActivity_Rotation(t *testing.T) {
	t.Parallel()
	const limit = 64 << 10
	d := harness.StartMock(t, "--log-max-bytes", "64KiB", "--log-generations", "2")
	c := d.Dial(t)
	for i := 0; absent(d.Activity() + ".2"); i++ {
		if i > 10000 {
			t.Fatal("10,000 requests and no second generation")
		}
		c.Send(harness.Ask(strings.Repeat("r", 200)))
		c.Last()
	}
	for range 600 {
		c.Send(harness.Ask("r"))
		c.Last()
	}
	if s := observe.Dial(t, d).Stats(t); s.LogDropped != 0 {
		t.Errorf("%d lines dropped", s.LogDropped)
	}
	d.Stop(t) // no rotation is under way any more
	for _, path := range []string{d.Activity(), d.Activity() + ".1", d.Activity() + ".2"} {
		info, err := os.Stat(path)
		must(t, err)
		if info.Size() > limit || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %d bytes, mode %v", path, info.Size(), info.Mode().Perm())
		}
	}
	if !absent(d.Activity() + ".3") {
		t.Error("a generation more than configured")
	}
}

// TestRow14_UnwritableLog: with the log's directory taken away and put back the
// daemon serves on, counts what it lost, and says so when it can.
func TestRow14_UnwritableLog(t *testing.T) {
	t.Parallel()
	dir := harness.Dir(t)
	write(t, in(dir, "logs"), "a file where the directory belongs")
	d := harness.StartMock(t, "--log-dir", in(dir, "logs"), "--metrics-addr", "127.0.0.1:0")
	admin := observe.Dial(t, d)
	d.AwaitLog(t, "activity log cannot be written; serving goes on")
	c := d.Dial(t)
	// More lines than the buffer holds.
	for i := 0; admin.Stats(t).LogDropped == 0; i++ {
		if i > 100 {
			t.Fatal("the buffer never overflows")
		}
		for range 200 {
			c.Send(harness.Ask(strings.Repeat("r", 250)))
			if f := c.Last(); f.Outcome() != "done" {
				t.Fatalf("%+v", f)
			}
		}
	}
	if n := observe.Scrape(t, d)["inferd_log_dropped_total"]; n == 0 {
		t.Error("the drops are not in the metrics")
	}
	if read(t, in(dir, "logs")) != "a file where the directory belongs" {
		t.Error("the file in the way was changed")
	}
	must(t, os.Remove(in(dir, "logs")))
	e := d.AwaitEvent(t, "log_dropped", nil)
	if e.Number("count") == 0 {
		t.Errorf("event %v", e)
	}
	d.AwaitLog(t, "activity log is written again")
	answers(t, d)
	d.AwaitEvent(t, "request_done", ofRequest("alive"))
}
