package daemon

import (
	"log"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"inferd/internal/config"
)

func reloadNow(d *Daemon) error {
	r := d.beginReload(nil)
	<-r.read()
	return d.endReload(r)
}

// live starts a daemon on a config file and gives what ends it and what it says.
func live(t *testing.T, file string) (d *Daemon, hup chan<- os.Signal, stop func(), log *lockedBuffer) {
	t.Helper()
	dir := t.TempDir()
	d = newDaemon(testConfig(t, dir, "--backend", "mock", "--config", file))
	end, reload := make(chan os.Signal, 1), make(chan os.Signal, 1)
	log, ended := new(lockedBuffer), make(chan error, 1)
	go func() { ended <- d.live(signals{end, reload}, log) }()
	log.await("admission gate configured", 1)
	answered(t, dial(t, filepath.Join(dir, "s"))) // it has booted
	return d, reload, func() {
		end <- syscall.SIGTERM
		if err := <-ended; err != nil { // or never
			t.Error(err)
		}
	}, log
}

// TestReload_FileThatDoesNotAnswer: a config file on a disk that hangs holds up neither
// the end of the daemon nor who asked for the reload.
func TestReload_FileThatDoesNotAnswer(t *testing.T) {
	file := filepath.Join(t.TempDir(), "c.json")
	if err := os.WriteFile(file, []byte(`{}`), 0o600); err != nil {
		t.Fatal(err)
	}
	d, _, stop, _ := live(t, file)
	reading := make(chan struct{})
	d.readConfig = func(*config.Config) (*config.Config, []config.Change, error) {
		close(reading)
		select {}
	}
	asked := make(chan error, 1)
	go func() { asked <- (*commands)(d).Reload() }()
	<-reading
	if err := (*commands)(d).Reload(); err == nil || !strings.Contains(err.Error(), "busy") {
		t.Errorf("a second reload: %v", err)
	}
	if !d.healthy() {
		t.Error("a daemon that serves is not healthy while it reads its configuration")
	}
	stop()
	if err := <-asked; err != errEnding {
		t.Errorf("who asked hears %v", err)
	}
}

// TestReload_MistakeIsLogged, whoever asked.
func TestReload_MistakeIsLogged(t *testing.T) {
	file := filepath.Join(t.TempDir(), "c.json")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(`{}`)
	d, hup, stop, log := live(t, file)
	write(`{"queue_depth":"x"}`)
	if err := (*commands)(d).Reload(); err == nil {
		t.Error("a mistake was taken")
	}
	log.await("reload failed", 1)
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	hup <- syscall.SIGHUP
	log.await("reload failed", 2)
	stop()
}

// TestLibraryLog: what libraries write to the standard log goes the way of all lines.
func TestLibraryLog(t *testing.T) {
	file := filepath.Join(t.TempDir(), "c.json")
	if err := os.WriteFile(file, []byte(`{}`), 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, stop, said := live(t, file)
	log.Printf("Unsolicited response: sk-abcdefghijklmnop1234567890abcdef%s", strings.Repeat("x y ", 1000))
	stop()
	if s := said.String(); !strings.Contains(s, "Unsolicited response") || strings.Contains(s, "sk-abcdef") || strings.Count(s, "x y ") > 200 {
		t.Errorf("logged %q", s)
	}
}
