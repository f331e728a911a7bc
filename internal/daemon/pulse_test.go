package daemon

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/atomic"

	"inferd/internal/config"
)

// managerSocket is a service manager that counts watchdog pings; counted gives
// those sent so far.
func managerSocket(t *testing.T) (counted func() int64) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	ln, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("NOTIFY_SOCKET", path)
	pings, marks, ended := new(atomic.Int64), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		b := make([]byte, 4096)
		for {
			n, err := ln.Read(b)
			if err != nil {
				return
			}
			switch string(b[:n]) {
			case "WATCHDOG=1":
				pings.Inc()
			case "MARK=1": // what was sent before it has been read
				marks <- struct{}{}
			}
		}
	}()
	t.Cleanup(func() { _ = ln.Close(); <-ended })
	return func() int64 {
		c, err := net.Dial("unixgram", path)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.Write([]byte("MARK=1")); err != nil {
			t.Fatal(err)
		}
		<-marks
		return pings.Load()
	}
}

// TestWatchdog_HealthyDaemonPingsAlways: the watchdog's looks and the daemon's own
// fall on the same instants, and loops that turn must satisfy both. It used to be
// that the one who asked first took the answer away, and pings were left out.
func TestWatchdog_HealthyDaemonPingsAlways(t *testing.T) {
	counted := managerSocket(t)
	t.Setenv("WATCHDOG_USEC", "30000000")
	const rounds = 360 // of ten seconds: one ping each
	synctest.Test(t, func(t *testing.T) {
		d := newDaemon(new(config.Config))
		asked := time.Now()
		d.alive = func() bool { // as loop.Server: has a loop turned since it was asked?
			turned := time.Since(asked) > 0
			asked = time.Now()
			return turned
		}
		end, ended := make(chan os.Signal), make(chan error)
		go func() { _, err := d.loop(signals{end: end}); ended <- err }()
		time.Sleep(rounds*10*time.Second + time.Second)
		end <- syscall.SIGTERM
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	if got := counted(); got != rounds+1 { // one at the start
		t.Errorf("%d pings in %d rounds", got, rounds)
	}
}

// TestLoop_StuckEndsIt: loops that stand still are the end, and the watchdog is not
// pinged meanwhile; one late answer is not.
func TestLoop_StuckEndsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDaemon(new(config.Config))
		answers := []bool{false, false, true}
		d.alive = func() bool {
			if len(answers) == 0 {
				return false
			}
			now := answers[0]
			answers = answers[1:]
			return now
		}
		_, err := d.loop(signals{})
		if err == nil || !strings.Contains(err.Error(), "has not turned") {
			t.Errorf("got %v", err)
		}
		if len(answers) > 0 || d.pulse.missed != aliveMisses || d.pulse.beats.Load() {
			t.Errorf("%d answers left, %d missed, beats %v",
				len(answers), d.pulse.missed, d.pulse.beats.Load())
		}
	})
}
