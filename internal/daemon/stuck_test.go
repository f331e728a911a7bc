package daemon

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"

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
	mu    sync.Mutex
	b     bytes.Buffer
	grown chan struct{} // closed at the next write; nil: nobody waits for one
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.grown != nil {
		close(l.grown)
		l.grown = nil
	}
	return l.b.Write(p)
}

// await waits until the log says something so many times.
func (l *lockedBuffer) await(text string, times int) {
	for {
		l.mu.Lock()
		said := strings.Count(l.b.String(), text) >= times
		if l.grown == nil {
			l.grown = make(chan struct{})
		}
		grown := l.grown
		l.mu.Unlock()
		if said {
			return
		}
		<-grown // or never
	}
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

	log.await("admission gate configured", 1)
	c := dial(t, filepath.Join(dir, "s"))
	answered(t, c)     // so its loop has it
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

func dial(t *testing.T, path string) net.Conn {
	t.Helper()
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// answered has a client ask something and read the answer.
func answered(t *testing.T, c net.Conn) {
	t.Helper()
	_, err := io.WriteString(c, `{"messages":[{"role":"user","content":"hi"}],"stream":false}`+"\n")
	if err == nil {
		_, err = bufio.NewReader(c).ReadString('\n')
	}
	if err != nil {
		t.Fatal(err)
	}
}
