package daemon

import (
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"inferd/internal/config"
)

// TestSignalDuringBoot: a signal that comes while the boot finishes ends the
// daemon; it used to be lost when the engines were ready before they heard of it.
func TestSignalDuringBoot(t *testing.T) {
	for range 20 {
		dir := t.TempDir()
		env := func(name string) string {
			switch name {
			case "HOME", "XDG_RUNTIME_DIR", "INFERD_LOG_DIR":
				return dir
			}
			return ""
		}
		cfg, _, err := config.Load([]string{
			"--backend", "mock", "--uds", filepath.Join(dir, "s"),
			"--admin-addr", filepath.Join(dir, "a"), "--lock", filepath.Join(dir, "l"),
		}, env)
		if err != nil {
			t.Fatal(err)
		}
		signals := make(chan os.Signal, 1)
		signals <- syscall.SIGTERM
		if err := runUntil(signals, cfg, io.Discard); err != nil { // or never
			t.Fatal(err)
		}
	}
}
