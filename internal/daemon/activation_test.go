package daemon

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"inferd/internal/instance"
)

// TestActivated_Unserved: a client of a passed socket that nothing serves is closed
// at once rather than left waiting, and what is ignored is said.
func TestActivated_Unserved(t *testing.T) {
	dir := t.TempDir()
	d := newDaemon(testConfig(t, dir, "--backend", "mock", "--v2", "--tcp", "127.0.0.1:0"))
	listen := func(name string) passed {
		t.Helper()
		ln, err := net.Listen("unix", filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return ln
	}
	sockets := map[string][]passed{
		instance.ActivatedInfer:   {listen("infer")},
		instance.ActivatedInferV2: {listen("v2")},
		instance.ActivatedEmbed:   {listen("embed")},
		instance.ActivatedAdmin:   {listen("admin"), listen("admin2")},
	}
	d.passedSockets = func() (map[string][]passed, error) { return sockets, nil }
	var log lockedBuffer
	end, ended := make(chan os.Signal, 1), make(chan error, 1)
	go func() { ended <- d.live(signals{end: end}, &log) }()
	for _, name := range []string{"v2", "embed", "admin2"} {
		c := dial(t, filepath.Join(dir, name))
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		if _, err := io.ReadAll(c); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	end <- syscall.SIGTERM
	if err := <-ended; err != nil {
		t.Error(err)
	}
	said := log.String()
	for _, want := range []string{
		"name=infer-v2", "name=embed", "name=admin", "setting=--uds", "setting=--tcp", "--v2 and --embed",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("nothing is said of %s:\n%s", want, said)
		}
	}
}

// TestActivated_SameAddress: a setting that names what was passed is not ignored.
func TestActivated_SameAddress(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "s") // which testConfig gives as --uds
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	d := newDaemon(testConfig(t, dir, "--backend", "mock"))
	d.sockets = map[string][]passed{instance.ActivatedInfer: {ln}}
	var log lockedBuffer
	d.openLog(&log)
	all, err := d.bind(d.cfg.Load())
	closeAll(all)
	d.closeLog()
	if err != nil || len(all) != 1 {
		t.Error(fmt.Sprint(len(all)), err)
	}
	if said := log.String(); strings.Contains(said, "no effect") || !strings.Contains(said, "taken over") {
		t.Errorf("log:\n%s", said)
	}
}
