package load

import (
	"errors"
	"os"
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
