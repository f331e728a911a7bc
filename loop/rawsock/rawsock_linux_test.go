package rawsock

import (
	"bytes"
	"testing"

	"golang.org/x/sys/unix"
)

func pair(t *testing.T) (a, b int) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0) // one that would block
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = unix.Close(fds[0])
		_ = unix.Close(fds[1])
	})
	return fds[0], fds[1]
}

// TestSend: it writes all of a slice and nothing beyond, says when the socket is
// full, and reports a peer that is gone, without a signal.
func TestSend(t *testing.T) {
	ours, theirs := pair(t)
	b := []byte("abcdefgh")
	f := func(b []byte, want string) {
		t.Helper()
		n, err := Send(ours, b)
		if err != nil || n != len(b) {
			t.Fatalf("%d, %v", n, err)
		}
		got := make([]byte, 64)
		if len(want) == 0 {
			return
		}
		if n, err = unix.Read(theirs, got); err != nil || string(got[:n]) != want {
			t.Errorf("%q, %v; want %q", got[:max(n, 0)], err, want)
		}
	}
	f(b[2:5], "cde")
	f(b[:8:8], "abcdefgh")
	f(nil, "")
	f(b[:0], "")
	var err error
	for err == nil {
		_, err = Send(ours, make([]byte, 64<<10))
	}
	if err != unix.EAGAIN {
		t.Errorf("a full socket: %v, want EAGAIN", err)
	}
	if err := unix.Shutdown(theirs, unix.SHUT_RDWR); err != nil {
		t.Fatal(err)
	}
	if _, err = Send(ours, b); err != unix.EPIPE && err != unix.ECONNRESET {
		t.Errorf("a closed peer: %v", err)
	}
}

// TestReceive: it fills the slice and nothing beyond, says when there is nothing,
// and when there will be nothing more.
func TestReceive(t *testing.T) {
	ours, theirs := pair(t)
	if n, err := Receive(ours, make([]byte, 8)); err != unix.EAGAIN || n != 0 {
		t.Errorf("an empty socket: %d, %v; want EAGAIN", n, err)
	}
	if _, err := unix.Write(theirs, []byte("abcdefgh")); err != nil {
		t.Fatal(err)
	}
	b := bytes.Repeat([]byte{'.'}, 12)
	for _, want := range []string{"..abc.......", "..defgh....."} {
		copy(b, "............")
		end := 5
		if want[2] == 'd' {
			end = 10
		}
		if _, err := Receive(ours, b[2:end]); err != nil || string(b) != want {
			t.Errorf("%q, %v; want %q", b, err, want)
		}
	}
	if n, err := Receive(ours, nil); n != 0 || err != nil {
		t.Errorf("nothing wanted: %d, %v", n, err)
	}
	if err := unix.Shutdown(theirs, unix.SHUT_WR); err != nil {
		t.Fatal(err)
	}
	if n, err := Receive(ours, b); n != 0 || err != nil {
		t.Errorf("the end: %d, %v", n, err)
	}
}
