package daemon

import (
	"io"
	"os"
	"syscall"
	"testing"
)

// TestSignalDuringBoot: a signal that comes while the boot finishes ends the
// daemon; it used to be lost when the engines were ready before they heard of it.
func TestSignalDuringBoot(t *testing.T) {
	for range 20 {
		cfg := testConfig(t, t.TempDir(), "--backend", "mock")
		end := make(chan os.Signal, 1)
		end <- syscall.SIGTERM
		if err := newDaemon(cfg).live(signals{end: end}, io.Discard); err != nil { // or never
			t.Fatal(err)
		}
	}
}
