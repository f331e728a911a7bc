package load

import (
	"errors"
	"os"
	"os/exec"
	"testing"
)

func TestServerProcess(t *testing.T) {
	config := short(fakeServer(t, "unix", answering(answer)))
	config.ServerPID = os.Getpid()
	r, err := Run(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	if r.Server.USPerRequest <= 0 || r.Server.CPU <= 0 || r.Server.RSSBytes < 1<<20 {
		t.Errorf("%+v", *r.Server)
	}
	config.ServerPID = 1 << 30
	if _, err := Run(t.Context(), config); !errors.Is(err, errNoServer) {
		t.Errorf("impossible pid: %v, want errNoServer", err)
	}
}

// TestProcessTree: child processes are found, and their going is no loss.
func TestProcessTree(t *testing.T) {
	cmd := exec.Command("sh", "-c", "sleep 60 & wait")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var before processTree
	var err error
	for deadline := 0; before.children() < 1 && deadline < 1e6; deadline++ {
		if before, err = readProcessTree(cmd.Process.Pid); err != nil {
			t.Fatal(err)
		}
	}
	if before.children() != 1 || before.memory() == 0 || len(children(os.Getpid())) == 0 {
		t.Errorf("%+v", before)
	}
	for id := range before.usage {
		if process, err := os.FindProcess(id.pid); err == nil {
			_ = process.Kill()
		}
	}
	_ = cmd.Wait()
	if _, err := readProcessTree(cmd.Process.Pid); !errors.Is(err, errNoServer) {
		t.Errorf("an ended process: %v, want errNoServer", err)
	}
	if used := (processTree{}).since(before); used != 0 {
		t.Errorf("%v used by what is gone", used)
	}
}
