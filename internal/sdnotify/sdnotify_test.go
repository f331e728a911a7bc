package sdnotify

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/atomic"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// manager plays systemd's end of the notification socket.
func manager(t *testing.T) *net.UnixConn {
	t.Helper()
	dir, err := os.MkdirTemp("", "i")
	if err != nil {
		t.Fatal(err)
	}
	addr := &net.UnixAddr{Name: filepath.Join(dir, "n"), Net: "unixgram"}
	conn, err := net.ListenUnixgram("unixgram", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		os.RemoveAll(dir)
	})
	t.Setenv("NOTIFY_SOCKET", addr.Name)
	return conn
}

func receive(t *testing.T, conn *net.UnixConn) string {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 1024)
	n, err := conn.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return string(buf[:n])
}

func TestStates(t *testing.T) {
	conn := manager(t)
	f := func(call func() error, want string) {
		t.Helper()
		if err := call(); err != nil {
			t.Fatal(err)
		}
		if got := receive(t, conn); !regexp.MustCompile("^" + want + "$").MatchString(got) {
			t.Errorf("sent %q, want %q", got, want)
		}
	}
	f(func() error { return Ready("serving 2 backends") }, "READY=1\nSTATUS=serving 2 backends")
	f(Reloading, "RELOADING=1\nMONOTONIC_USEC=[0-9]+\n")
	f(func() error { return Stopping("a\nREADY=1") }, "STOPPING=1\nSTATUS=a READY=1")
	f(func() error { return ExtendTimeout(time.Minute) }, "EXTEND_TIMEOUT_USEC=60000000")
	if !Active() {
		t.Error("Active() = false with a manager")
	}
}

// TestKeepStarting asks at once, for a manager's time-out may be short, and ends
// with its context.
func TestKeepStarting(t *testing.T) {
	conn := manager(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- KeepStarting(ctx) }()
	if got, want := receive(t, conn), "EXTEND_TIMEOUT_USEC=30000000"; got != want {
		t.Errorf("sent %q, want %q", got, want)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestWithoutManager(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	t.Setenv("WATCHDOG_USEC", "")
	if err := Ready("x"); err != nil {
		t.Error(err)
	}
	if err := Watchdog(t.Context(), func() bool { return true }); err != nil {
		t.Error(err)
	}
	if err := KeepStarting(t.Context()); err != nil {
		t.Error(err)
	}
	if Active() {
		t.Error("Active() = true without a manager")
	}
}

func TestManagerGone(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", filepath.Join(t.TempDir(), "none"))
	err := Ready("x")
	if err == nil || !strings.Contains(err.Error(), "notifying the service manager") {
		t.Errorf("error %v", err)
	}
}

func TestWatchdogPingsOnlyWhileAlive(t *testing.T) {
	conn := manager(t)
	t.Setenv("WATCHDOG_USEC", "30000") // a ping each 10 ms
	var dead atomic.Bool
	asked := make(chan struct{}, 100)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- Watchdog(ctx, func() bool {
			select {
			case asked <- struct{}{}:
			default:
			}
			return !dead.Load()
		})
	}()
	for range 3 {
		if got := receive(t, conn); got != "WATCHDOG=1" {
			t.Errorf("sent %q", got)
		}
	}
	dead.Store(true)
	turns := func(n int) {
		for len(asked) > 0 {
			<-asked
		}
		for range n {
			<-asked
		}
	}
	turns(2) // the turn that had asked before is over
	pings := func() (n int) {
		if err := conn.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		for buf := make([]byte, 100); ; n++ {
			if _, err := conn.Read(buf); err != nil {
				return n
			}
		}
	}
	pings() // those from when it was alive
	turns(4)
	if n := pings(); n != 0 {
		t.Errorf("%d pings though the daemon does not move", n)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestWatchdogBadInterval(t *testing.T) {
	t.Setenv("WATCHDOG_USEC", "soon")
	t.Setenv("WATCHDOG_PID", "")
	if err := Watchdog(t.Context(), nil); err == nil {
		t.Error("a bad interval was accepted")
	}
}
