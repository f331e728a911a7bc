package harness

import (
	"bufio"
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Spec is how to start a daemon, for what the short forms cannot say.
type Spec struct {
	Flags  []string
	Env    []string // besides PATH, HOME, XDG_RUNTIME_DIR and INFERD_LLAMA_LIB
	Dir    string   // HOME and the place of all its files; empty: a new one
	Stderr *os.File // in place of what Log shows
	// Bare adds no flags: every path is the daemon's own default. Unix, Admin and
	// Lock do not know them then.
	Bare bool
}

// Daemon is one running inferd.
type Daemon struct {
	// Dir is its home, with infer.sock, admin.sock, inferd.lock and logs.
	Dir string
	// PID is the process.
	PID int

	flags  []string
	stderr *output
	exited chan struct{} // closed behind code
	code   int
}

// Dir makes an empty directory whose path is short enough for sockets.
func Dir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "i")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// Start starts a daemon with the flags and waits until it is ready. Paths that
// the flags don't give are in its own directory.
func Start(t testing.TB, flags ...string) *Daemon {
	t.Helper()
	d := Launch(t, flags...)
	d.AwaitReady(t)
	return d
}

// StartMock is Start with the mock backend.
func StartMock(t testing.TB, flags ...string) *Daemon {
	t.Helper()
	return Start(t, append([]string{"--backend", "mock"}, flags...)...)
}

// Launch is Start without the wait.
func Launch(t testing.TB, flags ...string) *Daemon {
	t.Helper()
	return Spec{Flags: flags}.Launch(t)
}

// StartExpectExit starts a daemon that shall end by itself.
func StartExpectExit(t testing.TB, flags ...string) (code int, stderr string) {
	t.Helper()
	d := Launch(t, flags...)
	code = d.Wait(t)
	return code, strings.Join(d.Log(), "\n")
}

// Launch starts a daemon and returns at once. It is killed when the test ends.
func (s Spec) Launch(t testing.TB) *Daemon {
	t.Helper()
	if s.Dir == "" {
		s.Dir = Dir(t)
	}
	d := &Daemon{Dir: s.Dir, stderr: newOutput(), exited: make(chan struct{})}
	d.flags = slices.Clone(s.Flags)
	if !s.Bare {
		for _, f := range []struct{ name, file string }{
			{"--uds", "infer.sock"},
			{"--admin-addr", "admin.sock"},
			{"--lock", "inferd.lock"},
			{"--log-dir", "logs"},
		} {
			if _, given := flagValue(s.Flags, f.name); !given {
				d.flags = append(d.flags, f.name, filepath.Join(s.Dir, f.file))
			}
		}
	}
	cmd := exec.Command(Binary(t, "inferd"), d.flags...)
	cmd.Dir = s.Dir
	cmd.Env = append(Environ(s.Dir), s.Env...)
	cmd.Stderr = d.stderr
	if s.Stderr != nil {
		cmd.Stderr = s.Stderr
	}
	cmd.SysProcAttr = attr()
	if err := spawn(cmd); err != nil {
		t.Fatal(err)
	}
	d.PID = cmd.Process.Pid
	go func() {
		defer close(d.exited)
		_ = cmd.Wait()
		d.code = cmd.ProcessState.ExitCode()
	}()
	t.Cleanup(func() { d.cleanup(t) })
	return d
}

// Environ is the whole environment of a process whose home is dir, but for what a
// test adds: nothing of the developer's own reaches it.
func Environ(dir string) []string {
	env := []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "XDG_RUNTIME_DIR=" + dir,
		"GORACE=atexit_sleep_ms=0", // or every instrumented process takes a second to end
	}
	if lib, ok := LlamaLib(); ok {
		env = append(env, "INFERD_LLAMA_LIB="+lib)
	}
	return env
}

// spawn starts commands on one thread that lives as long as the process: the
// kernel takes the end of the starting thread for the parent's death.
func spawn(cmd *exec.Cmd) error {
	startSpawner()
	reply := make(chan error, 1)
	spawns <- func() { reply <- cmd.Start() }
	return <-reply
}

var (
	spawns       = make(chan func())
	startSpawner = sync.OnceFunc(func() {
		go func() {
			runtime.LockOSThread()
			for f := range spawns {
				f()
			}
		}()
	})
)

// cleanup ends what the test left running and reports data races.
func (d *Daemon) cleanup(t testing.TB) {
	_ = syscall.Kill(-d.PID, syscall.SIGKILL) // the group: engine workers too
	<-d.exited
	lines := d.Log()
	if slices.ContainsFunc(lines, func(l string) bool { return strings.Contains(l, "DATA RACE") }) {
		t.Error("the daemon reports a data race")
	}
	if t.Failed() {
		t.Logf("inferd %s\n%s", strings.Join(d.flags, " "), strings.Join(tail(lines, 60), "\n"))
	}
}

func tail(lines []string, n int) []string { return lines[max(0, len(lines)-n):] }

// flagValue finds `--name value` or `--name=value`.
func flagValue(flags []string, name string) (string, bool) {
	for i, f := range flags {
		if f == name && i+1 < len(flags) {
			return flags[i+1], true
		}
		if v, ok := strings.CutPrefix(f, name+"="); ok {
			return v, true
		}
	}
	return "", false
}

func (d *Daemon) flag(name string) string {
	v, _ := flagValue(d.flags, name)
	return v
}

// Unix is the path of the inference socket.
func (d *Daemon) Unix() string { return d.flag("--uds") }

// Admin is the path of the admin socket.
func (d *Daemon) Admin() string { return d.flag("--admin-addr") }

// Lock is the path of the lock file.
func (d *Daemon) Lock() string { return d.flag("--lock") }

// Activity is the path of the activity log.
func (d *Daemon) Activity() string { return filepath.Join(d.flag("--log-dir"), "inferd.ndjson") }

// TCP is the bound address of the TCP listener, from the log.
func (d *Daemon) TCP(t testing.TB) string {
	t.Helper()
	line := d.AwaitLog(t, "tcp listener bound addr=")
	_, addr, _ := strings.Cut(line, "addr=")
	return strings.Fields(addr)[0]
}

// AwaitReady waits until the admin socket says ready.
func (d *Daemon) AwaitReady(t testing.TB) { t.Helper(); d.AwaitStatus(t, "ready") }

// AwaitStatus waits until the admin socket says so.
func (d *Daemon) AwaitStatus(t testing.TB, want string) {
	t.Helper()
	if err := d.tryStatus(want, time.Now().Add(startTimeout)); err != nil {
		t.Fatalf("waiting for status %q: %v", want, err)
	}
}

func (d *Daemon) tryStatus(want string, deadline time.Time) error {
	var nc net.Conn
	for {
		var err error
		if nc, err = net.Dial("unix", d.Admin()); err == nil {
			break
		}
		select {
		case <-d.exited:
			return errors.New("the daemon ended")
		case <-time.After(pollEvery):
		}
		if time.Now().After(deadline) {
			return err
		}
	}
	defer nc.Close()
	_ = nc.SetReadDeadline(deadline)
	for lines := bufio.NewScanner(nc); ; {
		if !lines.Scan() {
			return errors.Join(errors.New("the admin socket ended"), lines.Err())
		}
		var f struct{ Status string }
		if err := json.Unmarshal(lines.Bytes(), &f); err != nil {
			return err
		}
		if f.Status == want {
			return nil
		}
	}
}

// Signal sends one to the daemon.
func (d *Daemon) Signal(t testing.TB, sig syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(d.PID, sig); err != nil {
		t.Fatalf("signal %v: %v", sig, err)
	}
}

// Wait waits for the daemon's end and returns its exit code, -1 if it was killed.
func (d *Daemon) Wait(t testing.TB) int {
	t.Helper()
	select {
	case <-d.exited:
		return d.code
	case <-time.After(exitTimeout):
		d.Signal(t, syscall.SIGQUIT) // its goroutines go to the log
		<-d.exited
		t.Fatalf("the daemon did not end within %v", exitTimeout)
		return 0
	}
}

// Exited is closed when the daemon has ended.
func (d *Daemon) Exited() <-chan struct{} { return d.exited }

// Stop asks the daemon to end and returns its exit code.
func (d *Daemon) Stop(t testing.TB) int {
	t.Helper()
	d.Signal(t, syscall.SIGTERM)
	return d.Wait(t)
}
