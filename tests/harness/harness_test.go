package harness

import (
	"strings"
	"syscall"
	"testing"
)

func TestMain(m *testing.M) { Main(m) }

func TestDaemon_FromStartToStop(t *testing.T) {
	d := StartMock(t, "--tcp", "127.0.0.1:0")
	for _, c := range []*Conn{d.Dial(t), d.DialTCP(t)} {
		c.Send(Ask("r"))
		if f := c.Stream(); len(f) != 2 || f[1].Outcome() != "done" || f[0].ID != "r" {
			t.Errorf("frames %+v", f)
		}
		_ = c.Close()
	}
	if f := d.DialAdmin(t).Frame(); f.ID != "admin" || f.Status != "capabilities" {
		t.Errorf("admin's first frame %+v", f)
	}
	e := d.AwaitEvent(t, "request_done", nil)
	if e.String("req_id") != "r" || e.Number("completion_tokens") != 1 {
		t.Errorf("event %v", e)
	}
	if code := d.Stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if log := d.Log(); !strings.Contains(log[len(log)-1], "shutdown complete") {
		t.Errorf("last line %q", log[len(log)-1])
	}
}

func TestStartExpectExit(t *testing.T) {
	code, stderr := StartExpectExit(t, "--no-such-flag")
	if code != 2 || !strings.Contains(stderr, "no-such-flag") {
		t.Errorf("exit code %d, %q", code, stderr)
	}
}

func TestDaemon_KilledIsNoExitCode(t *testing.T) {
	d := StartMock(t)
	d.Signal(t, syscall.SIGKILL)
	if code := d.Wait(t); code != -1 {
		t.Errorf("exit code %d", code)
	}
}
