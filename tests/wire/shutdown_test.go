package wire

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"inferd/tests/harness"
)

func absent(path string) bool {
	_, err := os.Lstat(path)
	return errors.Is(err, fs.ErrNotExist)
}

func TestDrain_EveryStreamIsFinished(t *testing.T) {
	t.Parallel()
	const n = 500
	d := harness.StartMock(t, "--active-permits", fmt.Sprint(n), "--drain-timeout", "30s",
		"--mock-tokens", "20", "--mock-token-delay", "100ms")
	begun := make(chan struct{}, n)
	signalled := make(chan error, 1)
	go func() {
		for range n {
			<-begun
		}
		signalled <- syscall.Kill(d.PID, syscall.SIGTERM) // every client has its first token
	}()
	each(t, n, func(i int) error {
		c, err := harness.TryDial("unix", d.Unix())
		if err == nil {
			defer c.Close()
			err = c.TrySend(harness.Ask(fmt.Sprint(i)))
		}
		if err == nil {
			_, err = c.TryFrame()
		}
		begun <- struct{}{}
		if err != nil {
			return err
		}
		frames, err := c.TryStream()
		if err != nil || len(frames) != 20 || frames[19].Outcome() != "done" {
			return fmt.Errorf("client %d: %d more frames, %w", i, len(frames), err)
		}
		return c.TryEOF()
	})
	if err := <-signalled; err != nil {
		t.Fatal(err)
	}
	if code := d.Wait(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if !absent(d.Unix()) || !absent(d.Admin()) {
		t.Error("a socket is left")
	}
}

func TestDrain_WaitingRequestsAreServed(t *testing.T) {
	t.Parallel()
	up := newUpstream(t)
	d := harness.Start(t, up.flags("--active-permits", "1", "--queue-depth", "4",
		"--drain-timeout", "1m")...)
	var clients []*harness.Conn
	for i := range 5 {
		c := d.Dial(t)
		c.Send(harness.Ask("r"))
		clients = append(clients, c)
		awaitLoad(t, d, 1, i)
	}
	d.Signal(t, syscall.SIGINT)
	d.AwaitLog(t, "shutdown signalled")
	for i, c := range clients {
		up.next(t).finish("stop")
		if f := c.Last(); f.Outcome() != "done" {
			t.Errorf("client %d: %+v", i, f)
		}
	}
	for _, c := range clients {
		c.EOF()
	}
	if code := d.Wait(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestDrain_LetsNothingIn(t *testing.T) {
	t.Parallel()
	up := newUpstream(t)
	d := harness.Start(t, up.flags("--drain-timeout", "30s")...)
	admin := d.DialAdmin(t)
	running, idle := d.Dial(t), d.Dial(t)
	idle.Send(`{"id":"x","messages":[]}` + "\n")
	idle.Frame()
	running.Send(harness.Ask("running"))
	w := up.next(t)
	d.Signal(t, syscall.SIGTERM)
	for admin.Frame().Status != "draining" {
	}
	// Draining is published first; then the sockets go and the gate closes.
	harness.Await(t, "the socket to refuse", func() bool {
		c, err := net.Dial("unix", d.Unix())
		if err == nil {
			_ = c.Close()
		}
		return err != nil
	})
	// A connection that is still open is told, one that was closed sees the end.
	if err := idle.TrySend(harness.Ask("late")); err == nil {
		if f, err := idle.TryFrame(); err == nil &&
			(f.ID != "late" || f.Code != "backend_unavailable" || f.Message != "admission closed") {
			t.Errorf("frame %+v", f)
		}
	}
	w.say("to the ")
	w.say("end")
	w.finish("stop")
	if f := running.Last(); f.Outcome() != "done" || f.Content != "to the end" {
		t.Errorf("frame %+v", f)
	}
	running.EOF()
	admin.EOF()
	if code := d.Wait(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestDrain_IsCut(t *testing.T) {
	t.Parallel()
	f := func(name, drain string, signals int) {
		t.Helper()
		d := harness.StartMock(t, "--queue-depth", "1", "--mock-token-delay", "1h",
			"--drain-timeout", drain)
		running, waiting := d.Dial(t), d.Dial(t)
		running.Send(harness.Ask("running"))
		awaitLoad(t, d, 1, 0)
		waiting.Send(harness.Ask("waiting"))
		awaitLoad(t, d, 1, 1)
		d.Signal(t, syscall.SIGTERM)
		d.AwaitLog(t, "shutdown signalled")
		for range signals - 1 {
			d.Signal(t, syscall.SIGTERM)
		}
		for id, c := range map[string]*harness.Conn{"running": running, "waiting": waiting} {
			if f := c.Last(); f.ID != id || f.Code != "backend_unavailable" {
				t.Errorf("%s: %+v", name, f)
			}
			c.EOF()
		}
		if code := d.Wait(t); code != 0 {
			t.Errorf("%s: exit code %d", name, code)
		}
		d.AwaitLog(t, "drain cut")
	}
	f("in time", "300ms", 1)
	f("by a second signal", "1h", 2)
}

func TestDrain_Idle(t *testing.T) {
	t.Parallel()
	d := harness.StartMock(t, "--drain-timeout", "1h") // which nothing waits for
	c := d.Dial(t)
	c.Send(harness.Ask("r"))
	c.Last()
	if code := d.Stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	c.EOF()
}

func TestBoot_NothingIsBoundBeforeReady(t *testing.T) {
	t.Parallel()
	d := harness.Launch(t, "--backend", "mock", "--mock-ready-after", "1h", "--ready-timeout", "2h")
	d.AwaitStatus(t, "loading_model")
	if !absent(d.Unix()) {
		t.Error("the socket is there before the backend is ready")
	}

	d = harness.Launch(t, "--backend", "mock", "--mock-ready-after", "700ms")
	c, err := client(t, d) // asks for a connection before there is anything
	if err != nil {
		t.Fatal(err)
	}
	if text, err := c.Text(t.Context(), hi("r")); text != answer || err != nil {
		t.Errorf("%q, %v", text, err)
	}
	d.AwaitReady(t)
	if code := d.Stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// Who acts on ready finds the socket.
func TestBoot_ReadyMeansReachable(t *testing.T) {
	t.Parallel()
	for range 5 {
		d := harness.StartMock(t, "--mock-ready-after", "30ms")
		served(t, d)
	}
}

func TestBoot_NeverReady(t *testing.T) {
	t.Parallel()
	d := harness.Launch(t, "--backend", "mock", "--mock-ready-after", "1h",
		"--ready-timeout", "300ms")
	if code := d.Wait(t); code != 1 {
		t.Errorf("exit code %d", code)
	}
	if log := strings.Join(d.Log(), "\n"); !strings.Contains(log, "--ready-timeout") {
		t.Errorf("stderr %q", log)
	}
	if !absent(d.Unix()) || !absent(d.Admin()) {
		t.Error("a socket is left")
	}
}

func TestBoot_IsInterrupted(t *testing.T) {
	t.Parallel()
	d := harness.Launch(t, "--backend", "mock", "--mock-ready-after", "1h", "--ready-timeout", "2h")
	d.AwaitStatus(t, "loading_model")
	if code := d.Stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}
