package load

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"inferd/client"
)

// fullListener listens without ever accepting, with room for one or two.
func fullListener(t *testing.T, family int, address unix.Sockaddr) unix.Sockaddr {
	t.Helper()
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		t.Cleanup(func() { _ = unix.Close(fd) })
		err = errors.Join(unix.Bind(fd, address), unix.Listen(fd, 0))
	}
	if err != nil {
		t.Fatal(err)
	}
	bound, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	return bound
}

// TestFullListener: whoever waits for a connection can be called off.
func TestFullListener(t *testing.T) {
	f := func(target client.Target) {
		t.Helper()
		for _, portable := range []bool{false, true} {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(50*time.Millisecond, cancel)
			config := short(target)
			config.Conns, config.Portable = 8, portable
			if _, err := Run(ctx, config); !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v", target, err)
			}
		}
	}
	dir, err := os.MkdirTemp("", "i") // short enough for a socket path
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "s")
	fullListener(t, unix.AF_UNIX, &unix.SockaddrUnix{Name: path})
	f(client.Target{Unix: path})
	bound := fullListener(t, unix.AF_INET, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	port := bound.(*unix.SockaddrInet4).Port
	f(client.Target{TCP: fmt.Sprintf("127.0.0.1:%d", port)})
}
