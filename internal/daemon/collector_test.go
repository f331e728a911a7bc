package daemon

import (
	"runtime/debug"
	"testing"
)

// TestPaceCollector: late while the daemon boots, early from then on, and not at all
// if the environment has its own idea.
func TestPaceCollector(t *testing.T) {
	before := debug.SetGCPercent(100)
	defer debug.SetGCPercent(before)
	f := func(when string, want int) {
		t.Helper()
		got := debug.SetGCPercent(100)
		debug.SetGCPercent(got)
		if got != want {
			t.Errorf("%s: GOGC is %d, want %d", when, got, want)
		}
	}
	t.Setenv("GOGC", "")
	booted := paceCollector()
	f("boot", bootGCPercent)
	booted()
	f("serving", servingGCPercent)

	debug.SetGCPercent(100)
	t.Setenv("GOGC", "100")
	paceCollector()()
	f("set by the environment", 100)
}
