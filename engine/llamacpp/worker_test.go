package llamacpp

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"inferd/engine"
	"inferd/tools/mkgguf"
)

// states records what Hooks.State says.
type states struct {
	mu   sync.Mutex
	list []string
	news chan struct{}
}

func newStates() *states { return &states{news: make(chan struct{}, 100)} }

func (s *states) add(ready bool, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	word := "lost: "
	if ready {
		word = "back: "
	}
	s.list = append(s.list, word+reason)
	s.news <- struct{}{}
}

// await waits for the n-th report.
func (s *states) await(t *testing.T, n int) string {
	t.Helper()
	for {
		s.mu.Lock()
		if len(s.list) >= n {
			defer s.mu.Unlock()
			return s.list[n-1]
		}
		s.mu.Unlock()
		select {
		case <-s.news:
		case <-time.After(20 * time.Second):
			t.Fatalf("report %d did not come; so far %v", n, s.list)
		}
	}
}

func workerPID(e *Engine) int { return e.host.(*remote).sup.PID() }

// inTheMiddle runs a long request and calls f once its first token is out.
func inTheMiddle(t *testing.T, e *Engine, f func()) error {
	t.Helper()
	s := &sink{t: t, waits: true, token: func(n int) error {
		if n == 1 {
			f()
		}
		return nil
	}}
	_, err := e.Generate(t.Context(), ask("hello", 1<<20), s)
	return err
}

func TestWorker_KilledInTheMiddle(t *testing.T) {
	st := newStates()
	hooks := testHooks(t)
	hooks.State = st.add
	e := start(t, Options{NCtx: 8192}, hooks)
	first := workerPID(e)
	want, _ := answer(t, e, ask("hello", 20))

	err := inTheMiddle(t, e, func() { _ = syscall.Kill(first, syscall.SIGKILL) })
	if !errors.Is(err, engine.ErrNoDone) || !strings.Contains(err.Error(), "signal: killed") {
		t.Errorf("request in flight: %v", err)
	}
	if got := st.await(t, 1); !strings.HasPrefix(got, "lost: llama.cpp worker ended") {
		t.Errorf("first report: %s", got)
	}
	if got := st.await(t, 2); !strings.HasPrefix(got, "back: ") {
		t.Errorf("second report: %s", got)
	}
	if !e.Ready() {
		t.Error("not ready after the restart")
	}
	if workerPID(e) == first {
		t.Error("the worker's process is still the first")
	}
	if got, _ := answer(t, e, ask("hello", 20)); got != want {
		t.Errorf("after the restart %q, before %q", got, want)
	}
	if s := e.Stats(); s.Restarts != 1 || s.Tokens < 41 {
		t.Errorf("%+v", s)
	}
}

func TestWorker_NotReadyWhileAway(t *testing.T) {
	lost := make(chan error, 1)
	hooks := testHooks(t)
	var e *Engine
	hooks.State = func(ready bool, _ string) {
		if !ready {
			_, err := e.Generate(context.Background(), ask("x", 1), &sink{t: t})
			lost <- err
		}
	}
	e = start(t, Options{}, hooks)
	_ = syscall.Kill(workerPID(e), syscall.SIGKILL)
	if err := <-lost; !errors.Is(err, engine.ErrNotReady) {
		t.Errorf("while the worker is away: %v", err)
	}
}

// onLoaded calls itself when an engine logs that its model is loaded.
type onLoaded func()

func (onLoaded) Enabled(context.Context, slog.Level) bool { return true }
func (f onLoaded) WithAttrs([]slog.Attr) slog.Handler     { return f }
func (f onLoaded) WithGroup(string) slog.Handler          { return f }

func (f onLoaded) Handle(_ context.Context, r slog.Record) error {
	if r.Message == "model loaded" {
		f()
	}
	return nil
}

// TestWorker_KilledBeforeNewReturns: it had said that it is ready.
func TestWorker_KilledBeforeNewReturns(t *testing.T) {
	if runtime.GOOS != "linux" {
		return // the worker is found in /proc
	}
	lost, release := make(chan struct{}), make(chan struct{})
	hooks := engine.Hooks{
		Log: slog.New(onLoaded(func() {
			killWorker(t)
			<-lost
		})),
		State: func(ready bool, _ string) {
			if !ready {
				close(lost)
				<-release // no other worker before it has been looked at
			}
		},
	}
	e := start(t, Options{}, hooks)
	if e.Ready() {
		t.Error("ready without a worker")
	}
	close(release)
}

// killWorker kills the children of this process, of which there is one.
func killWorker(t *testing.T) {
	lists, _ := filepath.Glob("/proc/self/task/*/children")
	killed := 0
	for _, list := range lists {
		pids, _ := os.ReadFile(list) // a thread that is gone has none
		for pid := range strings.FieldsSeq(string(pids)) {
			n, err := strconv.Atoi(pid)
			if err != nil {
				t.Fatal(err)
			}
			_ = syscall.Kill(n, syscall.SIGKILL)
			killed++
		}
	}
	if killed != 1 {
		t.Fatalf("%d children killed", killed)
	}
}

func TestWorker_HangIsKilled(t *testing.T) {
	st := newStates()
	hooks := testHooks(t)
	hooks.State = st.add
	e := start(t, Options{NCtx: 8192, SilenceTimeout: 3 * time.Second}, hooks)
	err := inTheMiddle(t, e, func() { _ = syscall.Kill(workerPID(e), syscall.SIGSTOP) })
	if !errors.Is(err, engine.ErrNoDone) || !strings.Contains(err.Error(), "silent") {
		t.Errorf("request in flight: %v", err)
	}
	if got := st.await(t, 2); !strings.HasPrefix(got, "back: ") {
		t.Errorf("second report: %s", got)
	}
	answer(t, e, ask("hello", 5))
}

func TestWorker_IgnoresTerminationSignals(t *testing.T) {
	e := start(t, Options{}, testHooks(t))
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP} {
		if err := syscall.Kill(workerPID(e), sig); err != nil {
			t.Fatal(err)
		}
	}
	answer(t, e, ask("hello", 5))
	if n := e.Stats().Restarts; n != 0 {
		t.Errorf("%d restarts", n)
	}
}

func TestWorker_StopEndsRequests(t *testing.T) {
	e := start(t, Options{NCtx: 8192}, testHooks(t))
	pid := workerPID(e)
	err := inTheMiddle(t, e, func() {
		if err := e.Stop(context.Background()); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	if !errors.Is(err, engine.ErrNoDone) {
		t.Errorf("request in flight: %v", err)
	}
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("worker %d after Stop: %v", pid, err)
	}
	if _, err := e.Generate(t.Context(), ask("x", 1), &sink{t: t}); !errors.Is(err, engine.ErrNotReady) {
		t.Errorf("after Stop: %v", err)
	}
}

func TestWorker_InheritsOnlyItsSocketAndModel(t *testing.T) {
	if runtime.GOOS != "linux" {
		return // descriptors are read from /proc
	}
	// As a descriptor that the daemon itself was started with: open across exec.
	secret, err := syscall.Open(os.Args[0], syscall.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Close(secret) }()
	t.Setenv("INFERD_API_KEY", "s3cret")
	e := start(t, Options{}, testHooks(t))
	dir := filepath.Join("/proc", strconv.Itoa(workerPID(e)))
	fds, err := os.ReadDir(filepath.Join(dir, "fd"))
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		to, _ := os.Readlink(filepath.Join(dir, "fd", fd.Name()))
		switch {
		case strings.HasPrefix(to, "/sys/fs/cgroup/"): // the Go runtime's own
		case strings.HasPrefix(to, "socket:"), strings.HasPrefix(to, "pipe:"), to == "/dev/null",
			strings.HasPrefix(to, "anon_inode:"), strings.Contains(to, "inferd-model"):
		default:
			t.Errorf("descriptor %s is %s", fd.Name(), to)
		}
	}
	env, err := os.ReadFile(filepath.Join(dir, "environ"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(env), "s3cret") {
		t.Error("the worker's environment holds the daemon's key")
	}
}

// TestWorker_LazyTimers: the runtime's monitor is the one thing in a worker that
// sleeps by time, and must not do so for 20 µs at a time.
func TestWorker_LazyTimers(t *testing.T) {
	e := start(t, Options{}, testHooks(t))
	slack := filepath.Join("/proc", strconv.Itoa(workerPID(e)), "timerslack_ns")
	got, err := os.ReadFile(slack)
	if err != nil {
		return // another system, or not allowed to look
	}
	if string(got) != "200000\n" {
		t.Errorf("timer slack %q, want 200 µs", got)
	}
}

// TestWorker_DiesWithItsDaemon kills a process that has a worker.
func TestWorker_DiesWithItsDaemon(t *testing.T) {
	if os.Getenv("INFERD_TEST_DAEMON") != "" {
		return
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, "-test.run=^TestDaemonForOrphanCheck$")
	cmd.Env = append(os.Environ(), "INFERD_TEST_DAEMON="+testLibDir(t))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 64)
	n, err := out.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(buf[:n])))
	if err != nil {
		t.Fatalf("the daemon printed %q", buf[:n])
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	// The worker is nobody's child now, so there is no event to wait for.
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(10 * time.Second)
	for alive(pid) {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("worker %d outlived its daemon", pid)
		}
	}
}

// alive tells whether a process runs; a zombie that waits for init does not.
func alive(pid int) bool {
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return syscall.Kill(pid, 0) == nil && runtime.GOOS != "linux"
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z") && !strings.HasPrefix(rest, "X")
}

// TestDaemonForOrphanCheck is the process that TestWorker_DiesWithItsDaemon
// kills; in an ordinary run it does nothing.
func TestDaemonForOrphanCheck(t *testing.T) {
	dir := os.Getenv("INFERD_TEST_DAEMON")
	if dir == "" {
		return
	}
	e, err := New(context.Background(), Options{
		ModelBytes: mkgguf.Config{NeverEnds: true}.Bytes(), LibDir: dir, NCtx: 1 << 13,
	}, engine.Hooks{})
	if err != nil {
		t.Fatal(err)
	}
	_ = inTheMiddle(t, e, func() {
		_, _ = os.Stdout.WriteString(strconv.Itoa(workerPID(e)) + "\n")
		select {} // until killed, with work in flight
	})
}

func TestNew_LoadFailures(t *testing.T) {
	good := mkgguf.Config{}.Bytes()
	for name, c := range map[string]struct {
		opts Options
		want string
	}{
		"no libraries":  {Options{LibDir: t.TempDir(), ModelBytes: good}, "--llama-lib"},
		"no model":      {Options{LibDir: testLibDir(t)}, "either a model path or"},
		"missing file":  {Options{LibDir: testLibDir(t), ModelPath: "/nonexistent.gguf"}, "no such file"},
		"not a model":   {Options{LibDir: testLibDir(t), ModelPath: os.Args[0]}, "GGUF"},
		"too parallel":  {Options{LibDir: testLibDir(t), ModelBytes: good, Parallel: 257}, "1 to 256"},
		"huge context":  {Options{LibDir: testLibDir(t), ModelBytes: good, NCtx: 2e9}, "n_ctx"},
		"bad template":  {Options{LibDir: testLibDir(t), ModelBytes: good, ChatTemplate: "{% if %}"}, "chat template"},
		"bad isolation": {Options{LibDir: testLibDir(t), ModelBytes: good, Isolation: "vm"}, "isolation"},
		"slow load":     {Options{LibDir: testLibDir(t), ModelBytes: good, LoadTimeout: 1}, "it took too long"},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := New(t.Context(), c.opts, testHooks(t))
			if err == nil {
				_ = e.Stop(context.Background())
				t.Fatal("it loaded")
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v; want %q in it", err, c.want)
			}
		})
	}
	_, err := New(t.Context(), Options{LibDir: t.TempDir(), ModelBytes: good}, testHooks(t))
	if !errors.Is(err, ErrNoLibrary) {
		t.Errorf("%v is not ErrNoLibrary", err)
	}
}
