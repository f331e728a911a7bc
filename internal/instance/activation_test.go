package instance

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestCheckListening: a socket that was bound and does not listen would look like one
// that nobody connects to.
func TestCheckListening(t *testing.T) {
	passed := func(kind int, listen bool) net.Listener {
		t.Helper()
		fd, err := unix.Socket(unix.AF_UNIX, kind, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := unix.Bind(fd, &unix.SockaddrUnix{Name: filepath.Join(t.TempDir(), "s")}); err != nil {
			t.Fatal(err)
		}
		if listen {
			if err := unix.Listen(fd, 1); err != nil {
				t.Fatal(err)
			}
		}
		f := os.NewFile(uintptr(fd), "passed")
		ln, err := net.FileListener(f)
		if err != nil {
			return nil // refused before
		}
		_ = f.Close()
		t.Cleanup(func() { _ = ln.Close() })
		return ln
	}
	if err := checkListening(passed(unix.SOCK_STREAM, true)); err != nil {
		t.Error(err)
	}
	for _, kind := range []int{unix.SOCK_STREAM, unix.SOCK_DGRAM} {
		if ln := passed(kind, false); ln != nil && checkListening(ln) == nil {
			t.Errorf("a socket of kind %d that does not listen was taken", kind)
		}
	}
}
