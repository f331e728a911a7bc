package perimeter

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"inferd/tests/harness"
	"inferd/tests/reliability/observe"
)

// reloadable starts a daemon whose settings stand in the returned file.
func reloadable(t *testing.T, text string) (d *harness.Daemon, path string) {
	t.Helper()
	path = in(harness.Dir(t), "c.json")
	write(t, path, text)
	return harness.Start(t, "--config", path), path
}

const slowMock = `"backends":[{"kind":"mock","name":"m","tokens":100000,"token_delay":"10ms"}]`

// reload sends SIGHUP and waits for `restarting`, then `ready`, on watcher.
func reload(t *testing.T, d *harness.Daemon, watcher *harness.Conn) {
	t.Helper()
	d.Signal(t, syscall.SIGHUP)
	for _, want := range []string{"restarting", "ready"} {
		if f := watcher.Frame(); f.Status != want {
			t.Fatalf("status %q, want %q", f.Status, want)
		}
	}
}

// TestReload_NamesTheFile in its event; parentheses say that there is none.
func TestReload_NamesTheFile(t *testing.T) {
	t.Parallel()
	f := func(d *harness.Daemon, path string) {
		t.Helper()
		watcher := d.DialAdmin(t)
		watcher.Frame() // capabilities
		watcher.Expect(frameReady)
		d.Signal(t, syscall.SIGHUP)
		watcher.Expect(`{"id":"admin","path":"`+path+`","phase":"checking_local",`+
			`"status":"restarting","type":"status"}`, frameReady)
	}
	f(reloadable(t, "{"+mockList+"}"))
	f(harness.StartMock(t), "(no config file)")
}

// TestReload_AppliesWhatCanChange while a request runs and connections are open.
func TestReload_AppliesWhatCanChange(t *testing.T) {
	t.Parallel()
	d, path := reloadable(t, "{"+slowMock+`,"active_permits":1,"queue_depth":1}`)
	admin := observe.Dial(t, d)
	if s := admin.Stats(t); s.Permits != 1 || s.Capacity != 2 {
		t.Fatalf("before: %+v", s)
	}
	watcher := d.DialAdmin(t)
	watcher.Frame() // capabilities
	watcher.Frame() // ready
	running, waiting, idle := d.Dial(t), d.Dial(t), d.Dial(t)
	running.Send(harness.Ask("running"))
	running.Frame()
	waiting.Send(harness.Ask("waiting"))
	admin.Await(t, "one waiting", func(s observe.Stats) bool { return s.Queued == 1 })
	idle.Send(harness.Ask("one too many"))
	if f := idle.Last(); f.Outcome() != "queue_full" {
		t.Fatalf("%+v", f)
	}

	write(t, path, "{"+slowMock+`,"active_permits":3,"queue_depth":5,"log_level":"debug",`+
		`"idle_timeout":"50ms","log_max_bytes":"32MiB"}`)
	reload(t, d, watcher)
	if s := admin.Stats(t); s.Permits != 3 || s.Capacity != 8 {
		t.Errorf("after: permits %d, capacity %d, want 3 and 8", s.Permits, s.Capacity)
	}
	// The request that waited runs at once beside the first.
	waiting.Frame()
	// What was idle meets the new deadline.
	idle.EOF()
	d.AwaitLog(t, "setting changes with the next restart")
	if line := d.AwaitLog(t, "setting changed"); line == "" {
		t.Error("the change is not logged")
	}
	// Neither stream has lost a token to the reload, and both go on behind it.
	for _, c := range []*harness.Conn{running, waiting} {
		for i := 1; i < 50; i++ {
			if f, want := c.Frame(), fmt.Sprintf("t%d", i); f.Content != want {
				t.Fatalf("behind the reload %+v, want %s", f, want)
			}
		}
	}
}

// TestReload_BadFileChangesNothing, and the daemon says why.
func TestReload_BadFileChangesNothing(t *testing.T) {
	t.Parallel()
	d, path := reloadable(t, "{"+mockList+`,"queue_depth":4}`)
	admin := observe.Dial(t, d)
	watcher := d.DialAdmin(t)
	watcher.Frame()
	watcher.Frame()
	c := d.Dial(t)
	write(t, path, "{"+mockList+",\n\"queue_depth\": \"junk\"}")
	reload(t, d, watcher)
	line := d.AwaitLog(t, "reload failed; the old settings stay")
	if !strings.Contains(line, path+":2") || !strings.Contains(line, "queue_depth") {
		t.Errorf("the log does not say where: %s", line)
	}
	r, err := admin.TryCommand(`{"type":"command","command":"reload"}`)
	if err != nil || r.OK || !strings.Contains(r.Error, "queue_depth") {
		t.Errorf("the reload command says %+v, %v", r, err)
	}
	if s := admin.Stats(t); s.Capacity != 5 {
		t.Errorf("capacity %d, want 5", s.Capacity)
	}
	c.Send(harness.Ask("r"))
	if f := c.Last(); f.Outcome() != "done" {
		t.Errorf("%+v", f)
	}
	write(t, path, "{"+mockList+`,"queue_depth":9}`)
	admin.Command(t, "reload")
	if s := admin.Stats(t); s.Capacity != 10 {
		t.Errorf("capacity %d behind a good file, want 10", s.Capacity)
	}
}

// TestReload_OrderOfBackends: the first of the list answers, from the next
// request on.
func TestReload_OrderOfBackends(t *testing.T) {
	t.Parallel()
	const one = `{"kind":"mock","name":"one","tokens":1}`
	const two = `{"kind":"mock","name":"two","tokens":2}`
	d, path := reloadable(t, `{"backends":[`+one+","+two+`]}`)
	c := d.Dial(t)
	tokens := func() int {
		c.Send(harness.Ask("r"))
		return len(c.Stream()) - 1
	}
	if n := tokens(); n != 1 {
		t.Fatalf("%d tokens, want the first backend's 1", n)
	}
	write(t, path, `{"backends":[`+two+","+one+`]}`)
	observe.Dial(t, d).Command(t, "reload")
	if n := tokens(); n != 2 {
		t.Errorf("%d tokens behind the reload, want the other backend's 2", n)
	}
}

// TestReload_ShrinkingGateLosesNobody: requests above the new capacity finish.
func TestReload_ShrinkingGateLosesNobody(t *testing.T) {
	t.Parallel()
	const fast = `"backends":[{"kind":"mock","name":"m","tokens":20,"token_delay":"5ms"}]`
	const full = 8 + 24
	d, path := reloadable(t, "{"+fast+`,"active_permits":8,"queue_depth":24}`)
	admin := observe.Dial(t, d)
	conns := make([]*harness.Conn, full)
	for i := range conns {
		conns[i] = d.Dial(t)
	}
	for _, c := range conns {
		c.Send(harness.Ask("r"))
	}
	admin.Await(t, "a full gate", func(s observe.Stats) bool {
		return s.Active+s.Queued+int(s.Counters.Requests["done"]) == full
	})
	write(t, path, "{"+fast+`,"active_permits":1,"queue_depth":0}`)
	admin.Command(t, "reload")
	for i, c := range conns {
		if f := c.Last(); f.Outcome() != "done" {
			t.Errorf("request %d: %+v", i, f)
		}
	}
	if s := admin.AwaitIdle(t); s.Capacity != 1 {
		t.Errorf("capacity %d, want 1", s.Capacity)
	}
	answers(t, d)
}

// TestReload_Storm: many SIGHUPs under load end with the last file in force.
func TestReload_Storm(t *testing.T) {
	t.Parallel()
	d, path := reloadable(t, "{"+mockList+`,"active_permits":4,"queue_depth":100}`)
	stop := make(chan struct{})
	failed := make(chan error, 4)
	for range cap(failed) {
		c := d.Dial(t)
		go func() {
			for {
				select {
				case <-stop:
					failed <- nil
					return
				default:
				}
				err := c.TrySend(harness.Ask("r"))
				if err == nil {
					_, err = c.TryLast()
				}
				if err != nil {
					failed <- err
					return
				}
			}
		}()
	}
	texts := []string{"{", "{" + mockList + `,"active_permits":2,"queue_depth":100}`}
	for i := range 40 {
		write(t, path, texts[i%2])
		d.Signal(t, syscall.SIGHUP)
		time.Sleep(time.Millisecond) // so that signals are not all merged into one
	}
	observe.Dial(t, d).Await(t, "the last file", func(s observe.Stats) bool { return s.Permits == 2 })
	close(stop)
	for range cap(failed) {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
}
