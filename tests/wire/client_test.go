package wire

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"strings"
	"testing"
	"time"

	api "inferd/client"
	"inferd/codec"
	"inferd/tests/harness"
)

// client dials as programs do that start together with the daemon.
func client(t *testing.T, d *harness.Daemon) (*api.Client, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), opTimeout)
	defer cancel()
	c, err := api.DialWait(ctx, api.Target{Unix: d.Unix()})
	if err == nil {
		t.Cleanup(func() { _ = c.Close() })
	}
	return c, err
}

func hi(id string) api.Request {
	return api.Request{ID: id, Messages: []api.Message{{Role: "user", Content: "hi"}}}
}

func TestClient_Generate(t *testing.T) {
	t.Parallel()
	const key = "open-sesame"
	d := harness.StartMock(t, "--mock-tokens", "3", "--tcp", "127.0.0.1:0", "--api-key", key)
	f := func(target api.Target) {
		t.Helper()
		c, err := api.Dial(t.Context(), target)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for range 2 { // one connection, one after the other
			var got []string
			for frame, err := range c.Generate(t.Context(), hi("r")) {
				if err != nil {
					t.Fatalf("%v: %v", target, err)
				}
				got = append(got, frame.Type+" "+frame.Content)
			}
			if s := strings.Join(got, ", "); s != "token t0, token t1, token t2, done t0t1t2" {
				t.Errorf("%v: %s", target, s)
			}
		}
		var refused *api.ServerError
		_, err = c.Text(t.Context(), api.Request{ID: "bad"})
		if !errors.As(err, &refused) || refused.Code != codec.InvalidRequest || refused.ID != "bad" {
			t.Errorf("%v: no messages give %v", target, err)
		}
		if text, err := c.Text(t.Context(), hi("")); err != nil || text != "t0t1t2" {
			t.Errorf("%v: behind a refusal: %q, %v", target, text, err)
		}
	}
	f(api.Target{Unix: d.Unix()})
	f(api.Target{TCP: d.TCP(t), APIKey: key})

	c, err := api.Dial(t.Context(), api.Target{TCP: d.TCP(t), APIKey: "wrong"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Text(t.Context(), hi("r")); err == nil {
		t.Error("served with a wrong key")
	}
}

func TestClient_QueueFullSaysWhenToComeBack(t *testing.T) {
	t.Parallel()
	d := harness.StartMock(t, "--queue-depth", "0", "--mock-token-delay", "1h")
	d.Dial(t).Send(harness.Ask("hog"))
	awaitLoad(t, d, 1, 0)
	c, err := client(t, d)
	if err != nil {
		t.Fatal(err)
	}
	var refused *api.ServerError
	_, err = c.Text(t.Context(), hi("r"))
	if !errors.As(err, &refused) || refused.Code != codec.QueueFull || !refused.Temporary() ||
		refused.RetryAfter < time.Millisecond {
		t.Errorf("%v", err)
	}
}

func TestClient_CancelReachesTheDaemon(t *testing.T) {
	t.Parallel()
	up := newUpstream(t)
	d := harness.Start(t, up.flags()...)
	c, err := client(t, d)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		_, err := c.Text(ctx, hi("r"))
		ended <- err
	}()
	w := up.next(t)
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	select {
	case <-w.Gone:
	case <-time.After(opTimeout):
		t.Error("the backend works on")
	}
}

func TestClient_DaemonDies(t *testing.T) {
	t.Parallel()
	up := newUpstream(t)
	d := harness.Start(t, up.flags("--drain-timeout", "1ms")...)
	c, err := client(t, d)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := c.Text(t.Context(), hi("r"))
		ended <- err
	}()
	up.next(t)
	d.Stop(t)
	if err := <-ended; err == nil {
		t.Error("half an answer is no error")
	}
}

// ctl runs inferdctl against d.
func ctl(
	t *testing.T, d *harness.Daemon, stdin string, args ...string,
) (code int, out, errs string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), opTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, harness.Binary(t, "inferdctl"), args...)
	cmd.Env = append(harness.Environ(d.Dir),
		"INFERD_UDS="+d.Unix(), "INFERD_ADMIN_ADDR="+d.Admin())
	cmd.Stdin = strings.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()
}

func TestCtl(t *testing.T) {
	t.Parallel()
	d := harness.StartMock(t, "--mock-tokens", "3")
	f := func(wantCode int, want, stdin string, args ...string) {
		t.Helper()
		code, out, errs := ctl(t, d, stdin, args...)
		if code != wantCode || !strings.Contains(out, want) {
			t.Errorf("%q: exit code %d, %q, %q; want %d and %q",
				args, code, out, errs, wantCode, want)
		}
	}
	f(0, "t0t1t2\n", "", "chat", "-p", "hi")
	f(0, "t0t1t2\n", "hi\n", "chat")
	f(0, "t0t1t2\n", "hi\n", "chat", "-p", "-")
	f(0, "t0t1t2\n", "", "chat", "-p", "hi", "--no-stream")
	f(0, token("x", "t1")+"\n", "", "chat", "-p", "hi", "--json", "--id", "x")
	f(0, `"status":"ready"`, "", "status")
	f(0, `"status":"ready"`, "", "status", "--wait", "10s")
	f(0, "inferdctl", "", "--version")
	f(0, "chat", "", "--help")
	f(0, "complete", "", "completion", "bash")
	f(2, "", "", "chat", "--no-such-flag")
	f(2, "", "", "no-such-command")
	f(2, "", "", "chat") // an empty prompt
	d.Stop(t)
	f(2, "", "", "status")
	f(2, "", "", "chat", "-p", "hi")
}

func TestCtl_StatusOfADaemonThatBoots(t *testing.T) {
	t.Parallel()
	d := harness.Launch(t, "--backend", "mock", "--mock-ready-after", "1h", "--ready-timeout", "2h")
	d.AwaitStatus(t, "loading_model")
	for _, args := range [][]string{{"status"}, {"status", "--wait", "1ms"}} {
		code, out, errs := ctl(t, d, "", args...)
		if code != 1 || !strings.Contains(out, "loading_model") || errs != "" {
			t.Errorf("%v: exit code %d, %q, %q", args, code, out, errs)
		}
	}
}

func TestCtl_ChatPassesTheRefusalOn(t *testing.T) {
	t.Parallel()
	d := harness.StartMock(t, "--mock-error", "unavailable")
	code, out, errs := ctl(t, d, "", "chat", "-p", "hi")
	if code != 2 || out != "" || !strings.Contains(errs, "backend_unavailable") {
		t.Errorf("exit code %d, %q, %q", code, out, errs)
	}
}
