package perimeter

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"inferd/tests/harness"
)

// manager plays systemd's end of the notification socket.
type manager struct {
	*net.UnixConn
	path string
}

func newManager(t *testing.T) *manager {
	t.Helper()
	path := in(harness.Dir(t), "notify")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	must(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return &manager{c, path}
}

// next reads a notification.
func (m *manager) next(t *testing.T) map[string]string {
	t.Helper()
	must(t, m.SetReadDeadline(time.Now().Add(opTimeout)))
	buf := make([]byte, 4096)
	n, err := m.Read(buf)
	must(t, err)
	vars := map[string]string{}
	for line := range strings.Lines(string(buf[:n])) {
		k, v, _ := strings.Cut(strings.TrimSpace(line), "=")
		vars[k] = v
	}
	return vars
}

// expect reads notifications, pings and pleas for time aside, and fails unless
// the next is of that key.
func (m *manager) expect(t *testing.T, key string) map[string]string {
	t.Helper()
	for {
		vars := m.next(t)
		if vars["WATCHDOG"] != "" || vars["EXTEND_TIMEOUT_USEC"] != "" {
			continue
		}
		if vars[key] != "1" {
			t.Fatalf("notified of %v, want %s=1", vars, key)
		}
		return vars
	}
}

// TestSystemd_Notify: READY behind the listen, RELOADING and READY over a
// reload, pings while it lives, STOPPING at the end.
func TestSystemd_Notify(t *testing.T) {
	t.Parallel()
	m := newManager(t)
	config := in(harness.Dir(t), "c.json")
	write(t, config, "{"+mockList+"}")
	d := harness.Spec{
		Flags: []string{"--config", config},
		Env:   []string{"NOTIFY_SOCKET=" + m.path, "WATCHDOG_USEC=300000"},
	}.Launch(t)
	m.expect(t, "READY")
	answers(t, d)
	for range 3 {
		for {
			if _, ping := m.next(t)["WATCHDOG"]; ping {
				break
			}
		}
	}
	d.Signal(t, syscall.SIGHUP)
	if v := m.expect(t, "RELOADING"); v["MONOTONIC_USEC"] == "" {
		t.Errorf("RELOADING without MONOTONIC_USEC: %v", v)
	}
	m.expect(t, "READY")
	write(t, config, "{")
	d.Signal(t, syscall.SIGHUP)
	m.expect(t, "RELOADING")
	m.expect(t, "READY") // the manager must not wait for ever for a bad file
	d.Signal(t, syscall.SIGTERM)
	m.expect(t, "STOPPING")
	if code := d.Wait(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// TestSystemd_WatchdogStopsWithTheProcess: a stopped process pings nobody.
func TestSystemd_WatchdogStopsWithTheProcess(t *testing.T) {
	t.Parallel()
	m := newManager(t)
	d := harness.Spec{
		Flags: []string{"--backend", "mock"},
		Env:   []string{"NOTIFY_SOCKET=" + m.path, "WATCHDOG_USEC=150000"},
	}.Launch(t)
	m.expect(t, "READY")
	m.next(t)
	d.Signal(t, syscall.SIGSTOP)
	harness.Await(t, "the process to stop", func() bool {
		_, state, _ := strings.Cut(read(t, fmt.Sprintf("/proc/%d/stat", d.PID)), ") ")
		return state[0] == 'T'
	})
	mark, err := net.Dial("unixgram", m.path)
	must(t, err)
	defer mark.Close()
	_, err = mark.Write([]byte("MARK=1"))
	must(t, err)
	for m.next(t)["MARK"] == "" { // sent before it was stopped
	}
	must(t, m.SetReadDeadline(time.Now().Add(500*time.Millisecond)))
	if _, err := m.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a stopped process pings (%v)", err)
	}
	d.Signal(t, syscall.SIGCONT)
	m.next(t)
}

// activated starts a daemon with listening sockets passed as systemd does it:
// from descriptor 3 on, with the pid of the daemon itself.
func activated(
	t *testing.T, dir, names string, files []*os.File, flags ...string,
) (*exec.Cmd, func() string) {
	t.Helper()
	script := `LISTEN_PID=$$ exec "$@"`
	args := append([]string{
		"-c", script, "sh", harness.Binary(t, "inferd"), "--backend", "mock",
		"--uds", in(dir, "other.sock"), "--admin-addr", in(dir, "admin.sock"),
		"--lock", in(dir, "lock"), "--log-dir", in(dir, "logs"),
	}, flags...)
	cmd := exec.Command("/bin/sh", args...)
	cmd.Env = []string{
		"HOME=" + dir, "XDG_RUNTIME_DIR=" + dir, "PATH=" + os.Getenv("PATH"),
		"LISTEN_FDS=" + string(rune('0'+len(files))), "LISTEN_FDNAMES=" + names,
	}
	cmd.ExtraFiles = files
	log, err := os.Create(in(dir, "stderr"))
	must(t, err)
	cmd.Stderr = log
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = log.Close()
		if t.Failed() {
			t.Log(read(t, log.Name()))
		}
	})
	return cmd, func() string { return read(t, log.Name()) }
}

func listenerFile(t *testing.T, network, addr string) (*os.File, net.Addr) {
	t.Helper()
	ln, err := net.Listen(network, addr)
	must(t, err)
	if u, ok := ln.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false)
	}
	f, err := ln.(interface{ File() (*os.File, error) }).File()
	must(t, err)
	_ = ln.Close()
	t.Cleanup(func() { _ = f.Close() })
	return f, ln.Addr()
}

// TestSystemd_SocketActivation: a client that came before the daemon is served,
// and the sockets outlive it.
func TestSystemd_SocketActivation(t *testing.T) {
	t.Parallel()
	dir := harness.Dir(t)
	infer, inferAddr := listenerFile(t, "unix", in(dir, "infer.sock"))
	tcp, tcpAddr := listenerFile(t, "tcp", "127.0.0.1:0")
	early := harness.Dial(t, "unix", inferAddr.String())
	early.Send(harness.Ask("early"))
	cmd, log := activated(t, dir, "infer:infer", []*os.File{infer, tcp})
	if f := early.Last(); f.Outcome() != "done" {
		t.Errorf("%+v", f)
	}
	c := harness.Dial(t, "tcp", tcpAddr.String())
	c.Send(harness.Ask("tcp"))
	if f := c.Last(); f.Outcome() != "done" {
		t.Errorf("%+v", f)
	}
	if !absent(in(dir, "other.sock")) {
		t.Error("the daemon binds a socket of its own besides")
	}
	must(t, cmd.Process.Signal(syscall.SIGTERM))
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code %d: %s", code, log())
	}
	if absent(inferAddr.String()) {
		t.Error("the daemon removed the manager's socket")
	}
}

// TestSystemd_UnknownSocketName ends the boot and names it.
func TestSystemd_UnknownSocketName(t *testing.T) {
	t.Parallel()
	dir := harness.Dir(t)
	f, _ := listenerFile(t, "unix", in(dir, "x.sock"))
	cmd, log := activated(t, dir, "mystery", []*os.File{f})
	_ = cmd.Wait()
	refused(t, 1, cmd.ProcessState.ExitCode(), log(), "mystery", "FileDescriptorName")
}

// TestRow21_ActivatedRemoteTCPNeedsKey: a socket of the service manager's is
// no way around the rule for addresses that are not loopback.
func TestRow21_ActivatedRemoteTCPNeedsKey(t *testing.T) {
	t.Parallel()
	dir := harness.Dir(t)
	f, _ := listenerFile(t, "tcp", "0.0.0.0:0")
	cmd, log := activated(t, dir, "infer", []*os.File{f})
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	select {
	case <-ended:
		refused(t, 1, cmd.ProcessState.ExitCode(), log(), "API key")
	case <-time.After(opTimeout):
		t.Error("a remote TCP socket is served without a key")
	}
}
