package loop

import (
	"testing"

	"golang.org/x/sys/unix"
)

// TestWriteNow: it writes all of a slice and nothing beyond, says when the socket
// is full, and reports a peer that is gone, without a signal.
func TestWriteNow(t *testing.T) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0) // one that would block
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fds[0])
	b := []byte("abcdefgh")
	f := func(b []byte, want string) {
		t.Helper()
		n, err := writeNow(fds[0], b)
		if err != nil || n != len(b) {
			t.Fatalf("%d, %v", n, err)
		}
		got := make([]byte, 64)
		if len(want) == 0 {
			return
		}
		if n, err = unix.Read(fds[1], got); err != nil || string(got[:n]) != want {
			t.Errorf("%q, %v; want %q", got[:max(n, 0)], err, want)
		}
	}
	f(b[2:5], "cde")
	f(b[:8:8], "abcdefgh")
	f(nil, "")
	f(b[:0], "")
	for {
		if _, err = writeNow(fds[0], make([]byte, 64<<10)); err != nil {
			break
		}
	}
	if err != unix.EAGAIN {
		t.Errorf("a full socket: %v, want EAGAIN", err)
	}
	unix.Close(fds[1])
	if _, err = writeNow(fds[0], b); err != unix.EPIPE && err != unix.ECONNRESET {
		t.Errorf("a closed peer: %v", err)
	}
}
