package daemon

import (
	"bytes"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"inferd/internal/config"
)

// testConfig is a mock daemon's with its files in dir.
func testConfig(t *testing.T, dir string, more ...string) *config.Config {
	t.Helper()
	env := func(name string) string {
		switch name {
		case "HOME", "XDG_RUNTIME_DIR", "INFERD_LOG_DIR":
			return dir
		}
		return ""
	}
	args := append([]string{
		"--uds", filepath.Join(dir, "s"), "--admin-addr", filepath.Join(dir, "a"),
		"--lock", filepath.Join(dir, "l"),
	}, more...)
	cfg, _, err := config.Load(args, env)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// lockedBuffer is a log that is read when the daemon has ended, or has not.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// TestStuckLoopEndsTheDaemon: an event loop that never comes back is said and ends
// the daemon with an error, although no drain and no shutdown can finish.
func TestStuckLoopEndsTheDaemon(t *testing.T) {
	dir := t.TempDir()
	d := newDaemon(testConfig(t, dir, "--backend", "mock", "--loops", "1"))
	d.checkEvery = aliveEvery / 50 // a loop that is only slow is not stuck
	var log lockedBuffer
	ended := make(chan error, 1)
	go func() { ended <- d.live(signals{}, &log) }()

	c := dialSoon(t, filepath.Join(dir, "s"))
	for d.connections() != 1 {
		time.Sleep(time.Millisecond)
	}
	d.closed.mu.Lock() // the loop that notes the closed connection stands still
	defer d.closed.mu.Unlock()
	_ = c.Close()
	err := <-ended // or never
	if err == nil || !strings.Contains(err.Error(), "has not turned") {
		t.Errorf("the daemon ended with %v", err)
	}
	said := log.String()
	first := strings.Index(said, "has not turned")
	if first < 0 || first > strings.Index(said, "inferd-daemon failed") {
		t.Errorf("the log does not begin with what is wrong:\n%s", said)
	}
	if strings.Contains(said, "shutdown signalled") {
		t.Errorf("the log tells of a signal that nobody sent:\n%s", said)
	}
}

// dialSoon connects to a daemon that is about to listen.
func dialSoon(t *testing.T, path string) net.Conn {
	t.Helper()
	for {
		c, err := net.Dial("unix", path)
		if err == nil {
			t.Cleanup(func() { _ = c.Close() })
			return c
		}
		time.Sleep(time.Millisecond)
	}
}
