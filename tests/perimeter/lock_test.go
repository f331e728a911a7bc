package perimeter

import (
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"inferd/tests/harness"
)

func TestRow12_SecondDaemonNamesTheHolder(t *testing.T) {
	t.Parallel()
	first := harness.StartMock(t)
	before := inode(t, first.Unix())
	second := harness.Spec{
		Dir: first.Dir, Flags: []string{"--backend", "mock"},
	}.Launch(t)
	code := second.Wait(t)
	refused(t, 1, code, strings.Join(second.Log(), "\n"),
		"already holds the lock", "pid "+strconv.Itoa(first.PID))
	if inode(t, first.Unix()) != before {
		t.Error("the first daemon's socket was replaced")
	}
	answers(t, first)
}

// TestRow12_OneOfManyWins starts daemons at the same moment on the same paths.
func TestRow12_OneOfManyWins(t *testing.T) {
	t.Parallel()
	dir := harness.Dir(t)
	all := make([]*harness.Daemon, 4)
	for i := range all {
		all[i] = harness.Spec{Dir: dir, Flags: []string{"--backend", "mock"}}.Launch(t)
	}
	var running []*harness.Daemon
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, d := range all {
		wg.Go(func() {
			for _, l := range awaitServingOrEnd(t, d) {
				if strings.Contains(l, "uds listener bound path=") && !strings.Contains(l, "admin") {
					mu.Lock()
					running = append(running, d)
					mu.Unlock()
					return
				}
			}
		})
	}
	wg.Wait()
	if len(running) != 1 {
		t.Fatalf("%d daemons serve the same paths", len(running))
	}
	running[0].AwaitReady(t)
	for _, d := range all {
		if d != running[0] && d.Wait(t) != 1 {
			t.Error("a loser's exit code is not 1")
		}
	}
	answers(t, running[0])
}

// awaitServingOrEnd returns the log of a daemon that serves or has ended.
func awaitServingOrEnd(t *testing.T, d *harness.Daemon) (log []string) {
	t.Helper()
	harness.Await(t, "a daemon to serve or to end", func() bool {
		select {
		case <-d.Exited():
			log = d.Log()
			return true
		default:
		}
		log = d.Log()
		return slices.ContainsFunc(log, func(line string) bool {
			return strings.Contains(line, "admission gate configured")
		})
	})
	return log
}

// obstacle puts something at path that no daemon made.
type obstacle struct {
	name string
	make func(t *testing.T, path string)
	word string // what the refusal says besides the path
}

func obstacles() []obstacle {
	return []obstacle{
		{"symlink", func(t *testing.T, path string) {
			write(t, path+".target", "precious")
			must(t, os.Symlink(path+".target", path))
		}, "symlink"},
		{"dangling symlink", func(t *testing.T, path string) {
			must(t, os.Symlink(path+".nowhere", path))
		}, "symlink"},
		{"directory", func(t *testing.T, path string) {
			must(t, os.Mkdir(path, 0o700))
		}, ""},
		{"full directory", func(t *testing.T, path string) {
			must(t, os.Mkdir(path, 0o700))
			write(t, in(path, "file"), "precious")
		}, ""},
		{"fifo", func(t *testing.T, path string) {
			must(t, syscall.Mkfifo(path, 0o600))
		}, ""},
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestRow12_PathsAreLeftAlone puts what is not ours at each path in turn.
func TestRow12_PathsAreLeftAlone(t *testing.T) {
	t.Parallel()
	file := obstacle{"file", func(t *testing.T, path string) { write(t, path, "precious") }, ""}
	live := obstacle{"live socket", func(t *testing.T, path string) {
		ln, err := net.Listen("unix", path)
		must(t, err)
		t.Cleanup(func() { _ = ln.Close() })
	}, ""}
	for _, flag := range []string{"--lock", "--uds", "--admin-addr"} {
		for _, o := range append(obstacles(), live, file) {
			t.Run(flag[2:]+" "+o.name, func(t *testing.T) {
				t.Parallel()
				dir := harness.Dir(t)
				path := in(dir, "x")
				o.make(t, path)
				before := inode(t, path)
				code, stderr := harness.StartExpectExit(t, "--backend", "mock", flag, path)
				refused(t, 1, code, stderr, path, o.word)
				if inode(t, path) != before {
					t.Error("what lay at the path was replaced")
				}
				if o.name == "file" && read(t, path) != "precious" {
					t.Error("the file was changed")
				}
				if o.name == "full directory" && read(t, in(path, "file")) != "precious" {
					t.Error("the file in the directory was changed")
				}
				if o.name == "symlink" && read(t, path+".target") != "precious" {
					t.Error("the link's target was changed")
				}
				if o.name == "dangling symlink" && !absent(path+".nowhere") {
					t.Error("the link's target was made")
				}
			})
		}
	}
}

// TestRow12_RefusedSecondChangesNothing: only the holder writes into the lock.
func TestRow12_RefusedSecondChangesNothing(t *testing.T) {
	t.Parallel()
	first := harness.StartMock(t)
	before := read(t, first.Lock())
	if strings.TrimSpace(before) != strconv.Itoa(first.PID) {
		t.Fatalf("the lock says %q, not pid %d", before, first.PID)
	}
	second := harness.Spec{Dir: first.Dir, Flags: []string{"--backend", "mock"}}.Launch(t)
	second.Wait(t)
	if got := read(t, first.Lock()); got != before {
		t.Errorf("the lock says %q behind a refused start, %q before", got, before)
	}
}

// TestRow11_KillAndRestart kills a daemon with requests in it, again and again.
func TestRow11_KillAndRestart(t *testing.T) {
	t.Parallel()
	rounds := 8
	if harness.Stress {
		rounds = 200
	}
	dir := harness.Dir(t)
	write(t, in(dir, "bystander"), "precious")
	spec := harness.Spec{Dir: dir, Flags: []string{
		"--backend", "mock", "--mock-tokens", "1000", "--mock-token-delay", "5ms",
		"--log-max-bytes", "64KiB",
	}}
	for i := range rounds {
		d := spec.Launch(t)
		d.AwaitReady(t)
		c := d.Dial(t)
		c.Send(harness.Ask("r" + strconv.Itoa(i)))
		c.Frame()
		d.Signal(t, syscall.SIGKILL)
		d.Wait(t)
		if absent(d.Unix()) || absent(d.Lock()) {
			t.Fatal("the test expects a stale socket and a lock file")
		}
		_ = c.Close()
	}
	d := spec.Launch(t)
	d.AwaitReady(t)
	d.ActivityLog(t) // every line parses, torn ends of killed writers included
	if read(t, in(dir, "bystander")) != "precious" {
		t.Error("a file beside the sockets was changed")
	}
	if code := d.Stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	t.Logf("%d kills, %d starts, each served", rounds, rounds+1)
}

// TestRow11_CleanEndLeavesLock: the lock file outlives its daemon, or two
// daemons could lock two files of one name.
func TestRow11_CleanEndLeavesLock(t *testing.T) {
	t.Parallel()
	d := harness.StartMock(t)
	before := inode(t, d.Lock())
	if code := d.Stop(t); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	if inode(t, d.Lock()) != before || read(t, d.Lock()) != "" {
		t.Error("the lock file is not the same, empty")
	}
	if !absent(d.Unix()) || !absent(d.Admin()) {
		t.Error("the daemon's own sockets stay behind a clean end")
	}
}
