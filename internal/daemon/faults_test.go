package daemon

import (
	"testing"
	"time"
)

func TestThrottle(t *testing.T) {
	var th throttle
	f := func(at time.Duration, wantHeld int64, wantOK bool) {
		t.Helper()
		held, ok := th.pass(time.Unix(1000, 0).Add(at))
		if held != wantHeld || ok != wantOK {
			t.Errorf("at %v: %d, %v; want %d, %v", at, held, ok, wantHeld, wantOK)
		}
	}
	f(0, 0, true)
	f(time.Millisecond, 0, false)
	f(999*time.Millisecond, 0, false)
	f(time.Second, 2, true)
	f(1500*time.Millisecond, 0, false)
	f(-time.Hour, 1, true) // the clock was set back
	f(-time.Hour, 0, false)
	f(10*time.Second, 1, true)
}
