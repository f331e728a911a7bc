package config

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func rewrite(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestReload(t *testing.T) {
	const head = `{"backends": [`
	a := `{"kind": "mock", "name": "a"}`
	b := `{"kind": "mock", "name": "b"}`
	path := writeFile(t, head+a+","+b+`], "queue_depth": 1, "max_connections": 50}`)
	old := mustLoad(t, nil, "--config", path, "--log-level=warn", "--active-permits=3")

	rewrite(t, path, head+b+","+a+`], "queue_depth": 7, "write_timeout": "5s",
		"max_connections": 60, "log_level": "debug", "active_permits": 9}`)
	got, changes, err := old.Reload()
	if err != nil {
		t.Fatal(err)
	}
	want := []Change{
		{"queue-depth", "1", "7", true},
		{"write-timeout", "1m", "5s", true},
		{"max-connections", "50", "60", false},
		{"backends", "a, b", "b, a", true},
	}
	if d := cmp.Diff(want, changes); d != "" {
		t.Errorf("changes (-want +got):\n%s", d)
	}
	if got.QueueDepth != 7 || got.WriteTimeout != 5*time.Second || got.Backends[0].Name != "b" {
		t.Errorf("live changes not applied: %+v", got)
	}
	if got.MaxConnections != 50 {
		t.Errorf("max connections = %d, but needs a restart", got.MaxConnections)
	}
	if got.LogLevel != "warn" || got.ActivePermits != 3 {
		t.Errorf("level %s, permits %d: the flags win", got.LogLevel, got.ActivePermits)
	}
	if old.QueueDepth != 1 || old.Backends[0].Name != "a" ||
		old.Origin("write-timeout").Source != FromDefault {
		t.Error("the old configuration was modified")
	}
	if got.Origin("write-timeout").Source != FromFile {
		t.Errorf("origin of write-timeout = %v", got.Origin("write-timeout"))
	}

	// A second reload compares with the first one's result.
	_, changes, err = got.Reload()
	if err != nil {
		t.Fatal(err)
	}
	if len(changes) != 1 || changes[0].Name != "max-connections" {
		t.Errorf("changes of the second reload = %v", changes)
	}
}

func TestReloadOtherBackends(t *testing.T) {
	path := writeFile(t, `{"backends": [{"kind": "mock", "name": "a"}]}`)
	old := mustLoad(t, nil, "--config", path)
	f := func(list string, live bool, want string) {
		t.Helper()
		rewrite(t, path, `{"backends": [`+list+`]}`)
		got, changes, err := old.Reload()
		if err != nil {
			t.Fatal(err)
		}
		if len(changes) != 1 || changes[0].Name != "backends" || changes[0].Live != live {
			t.Errorf("%s: changes = %v, want backends with live %v", list, changes, live)
		}
		if changes[0].Old != "a" || changes[0].New != want {
			t.Errorf("%s: from %q to %q, want to %q", list, changes[0].Old, changes[0].New, want)
		}
		if applied := !cmp.Equal(old.Backends, got.Backends); applied != live {
			t.Errorf("%s: applied %v, want %v", list, applied, live)
		}
	}
	f(`{"kind": "mock", "name": "a", "weight": 2}`, true, "a (weight 2)")
	f(`{"kind": "mock", "name": "a", "tokens": 2}`, false, "a (changed)")
	f(`{"kind": "mock", "name": "a"}, {"kind": "mock", "name": "b"}`, false, "a, b")
	f(`{"kind": "mock", "name": "c"}`, false, "c")
}

func TestReloadKeepsOldOnError(t *testing.T) {
	path := writeFile(t, `{"queue_depth": 1}`)
	old := mustLoad(t, nil, "--config", path)
	f := func(text, want string) {
		t.Helper()
		rewrite(t, path, text)
		got, changes, err := old.Reload()
		wantUsage(t, text, err, want)
		if got != nil || changes != nil {
			t.Errorf("%s: result %v, %v besides the error", text, got, changes)
		}
	}
	f(`{"queue_depth": 2`, "not valid JSON")
	f(`{"queue_depth": "2"}`, "want a whole number")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	_, _, err := old.Reload()
	wantUsage(t, "removed", err, "no such file")
}

// TestDefaultFile_Gone: the default file may be missing, but not in secret: neither as a
// link that leads nowhere nor from one reload to the next.
func TestDefaultFile_Gone(t *testing.T) {
	home := t.TempDir()
	env := func(name string) string { return map[string]string{"HOME": home}[name] }
	c, _, err := Load(nil, env)
	if err != nil || c.File != "" {
		t.Fatalf("no file: %q, %v", c.File, err)
	}
	path := filepath.Join(home, ".inferd", "config.json")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("nowhere", path); err != nil {
		t.Fatal(err)
	}
	_, _, err = Load(nil, env)
	wantUsage(t, "a link to nowhere", err, "no such file")
	if err := os.WriteFile(filepath.Join(home, ".inferd", "nowhere"), []byte(`{"queue_depth":100}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if c, _, err = Load(nil, env); err != nil || c.QueueDepth != 100 {
		t.Fatalf("through the link: %d, %v", c.QueueDepth, err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	_, _, err = c.Reload()
	wantUsage(t, "it is gone", err, "it is gone")
	home = os.DevNull // as service users have it
	if _, _, err := Load(nil, env); err != nil {
		t.Errorf("no home: %v", err)
	}
}
