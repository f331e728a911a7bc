package sdnotify

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// watchdogPart is how many pings are sent in the time after which systemd
// gives the daemon up: one may be late and one may be lost.
const watchdogPart = 3

// While the daemon starts it asks for extendBy more every extendEvery, so that
// a start that is stuck as a process is still noticed.
const (
	extendEvery = 10 * time.Second
	extendBy    = 3 * extendEvery
)

// Ready says that the daemon serves, at first and after Reloading.
func Ready(status string) error {
	return notify(daemon.SdNotifyReady + "\nSTATUS=" + oneLine(status))
}

// Reloading says that the configuration is read again; Ready must follow.
func Reloading() error {
	return notify(daemon.SdNotifyReloading + "\n" + daemon.SdNotifyMonotonicUsec())
}

// Stopping says that the shutdown has begun, and why.
func Stopping(status string) error {
	return notify(daemon.SdNotifyStopping + "\nSTATUS=" + oneLine(status))
}

// ExtendTimeout asks systemd to wait this much longer for the next state: a
// large model may take minutes to load.
func ExtendTimeout(d time.Duration) error {
	return notify(fmt.Sprintf("EXTEND_TIMEOUT_USEC=%d", d.Microseconds()))
}

// KeepStarting extends the start's time-out again and again until ctx ends. It
// returns at once without a service manager.
func KeepStarting(ctx context.Context) error {
	if !Active() {
		return nil
	}
	ticker := time.NewTicker(extendEvery)
	defer ticker.Stop()
	for {
		if err := ExtendTimeout(extendBy); err != nil {
			return err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func notify(state string) error {
	if _, err := daemon.SdNotify(false, state); err != nil {
		return fmt.Errorf("notifying the service manager: %w", err)
	}
	return nil
}

// oneLine keeps text from becoming a further assignment.
func oneLine(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c < ' ' {
			b[i] = ' '
		}
	}
	return string(b)
}

// Watchdog pings systemd while alive says so, until ctx ends. Not pinging is
// the alarm: systemd then kills the daemon and starts it anew. It returns at
// once if no watchdog is asked for.
//
// alive must say whether the daemon still moves, for instance whether every event
// loop has turned lately. It is called a few times per interval, must not block,
// and should only look: an answer that is given once belongs to one who asks.
func Watchdog(ctx context.Context, alive func() bool) error {
	interval, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		return fmt.Errorf("reading the watchdog's interval: %w", err)
	}
	if interval == 0 {
		return nil
	}
	ticker := time.NewTicker(max(interval/watchdogPart, time.Millisecond))
	defer ticker.Stop()
	for {
		if alive() {
			if err := notify(daemon.SdNotifyWatchdog); err != nil {
				return err
			}
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// Active reports whether a service manager listens for notifications.
func Active() bool { return os.Getenv("NOTIFY_SOCKET") != "" }
