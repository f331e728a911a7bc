package daemon

import (
	"os"
	"path/filepath"
	"testing"

	"inferd/engine"
	"inferd/engine/mock"
	"inferd/internal/admin"
	"inferd/internal/config"
	"inferd/route"
)

// withBackends is a daemon that serves, without sockets, and its engines.
func withBackends(t *testing.T, cfg *config.Config, names ...string) (*Daemon, map[string]*mock.Engine) {
	t.Helper()
	d := newDaemon(cfg)
	d.log = d.act.Logger("daemon")
	d.status = admin.NewBroadcaster()
	engines := map[string]*mock.Engine{}
	var entries []route.Entry
	for _, name := range names {
		engines[name] = mock.New(mock.Options{})
		entries = append(entries, route.Entry{Name: name, Engine: engines[name]})
	}
	var err error
	if d.router, err = route.New(entries, route.Options{Policy: route.Policy{Failures: 1}}); err != nil {
		t.Fatal(err)
	}
	d.serving.Store(&serving{})
	d.publishState()
	return d, engines
}

// TestState_ReadyWhileAnyIs: the state, and with it /healthz, is about the daemon
// and not about the backend that changed last.
func TestState_ReadyWhileAnyIs(t *testing.T) {
	d, engines := withBackends(t, new(config.Config), "a", "b")
	f := func(name string, ready bool, want string) {
		t.Helper()
		engines[name].SetReady(ready)
		d.hooks(config.Backend{Name: name, Kind: config.KindOpenAI}).DoState(ready, "test")
		if got := d.status.Status(); got != want {
			t.Errorf("%s ready %v: state %q, want %q", name, ready, got, want)
		}
	}
	f("a", false, "ready")
	f("b", false, "restarting")
	f("b", true, "ready")
	f("b", false, "restarting")
	f("a", true, "ready")
}

// TestState_LoadingBesideAnother: a worker process that loads its model anew does
// not make a daemon unready that another backend serves.
func TestState_LoadingBesideAnother(t *testing.T) {
	d, engines := withBackends(t, new(config.Config), "a", "b")
	f := func(want string) {
		t.Helper()
		d.hooks(config.Backend{Name: "a"}).DoPhase(engine.Phase{Name: "mmap", Path: "x"})
		if got := d.status.Status(); got != want {
			t.Errorf("state %q, want %q", got, want)
		}
	}
	engines["a"].SetReady(false)
	f("ready")
	engines["b"].SetReady(false)
	f("loading_model")
}

// TestState_ReloadMakesNobodyReady: the end of a reload says what the backends say.
func TestState_ReloadMakesNobodyReady(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "c.json")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(`{"backends":[{"kind":"mock","name":"a"}]}`)
	d, engines := withBackends(t, testConfig(t, dir, "--config", file), "a")
	write("broken") // so that nothing is applied
	f := func(want string) {
		t.Helper()
		if err := reloadNow(d); err == nil {
			t.Error("a broken file was accepted")
		}
		if got := d.status.Status(); got != want {
			t.Errorf("after a reload the state is %q, want %q", got, want)
		}
	}
	f("ready")
	engines["a"].SetReady(false)
	f("restarting")
}

// TestBack_OnlyANewProcessClosesTheBreaker: an upstream that answers its probe
// again still has to pass the breaker's.
func TestBack_OnlyANewProcessClosesTheBreaker(t *testing.T) {
	f := func(kind string, want route.State) {
		t.Helper()
		d, _ := withBackends(t, new(config.Config), "a")
		lease, err := d.router.Pick(nil)
		if err != nil {
			t.Fatal(err)
		}
		lease.Done(route.Failure)
		d.hooks(config.Backend{Name: "a", Kind: kind}).DoState(true, "")
		if got := d.router.State("a"); got != want {
			t.Errorf("%s: the breaker is %v, want %v", kind, got, want)
		}
	}
	f(config.KindLlamaCpp, route.Closed)
	f(config.KindOpenAI, route.Open)
}
