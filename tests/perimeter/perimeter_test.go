package perimeter

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"inferd/tests/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

// opTimeout only has to end a hanging test: the machine may be busy.
const opTimeout = 30 * time.Second

// answers fails unless a fresh client of d gets its answer.
func answers(t *testing.T, d *harness.Daemon) {
	t.Helper()
	c := d.Dial(t)
	c.Send(harness.Ask("alive"))
	if f := c.Last(); f.Outcome() != "done" {
		t.Errorf("a fresh client gets %+v", f)
	}
	_ = c.Close()
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// inode identifies what lies at path itself, links not followed.
func inode(t *testing.T, path string) uint64 {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Sys().(*syscall.Stat_t).Ino
}

func absent(path string) bool {
	_, err := os.Lstat(path)
	return errors.Is(err, fs.ErrNotExist)
}

// refused fails unless the daemon ended with code and named every word.
func refused(t *testing.T, wantCode int, code int, stderr string, words ...string) {
	t.Helper()
	if code != wantCode {
		t.Errorf("exit code %d, want %d: %s", code, wantCode, stderr)
	}
	for _, w := range words {
		if !strings.Contains(stderr, w) {
			t.Errorf("stderr does not say %q: %s", w, stderr)
		}
	}
}

func in(dir, name string) string { return filepath.Join(dir, name) }

// end reads the rest of a stream whose first frames were read already.
func end(c *harness.Conn) harness.Frame {
	for {
		if f := c.Frame(); f.Terminal() {
			return f
		}
	}
}
