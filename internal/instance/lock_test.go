package instance

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// The test binary plays the other process in some tests: see the cases.
const roleEnv = "INSTANCE_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(roleEnv) {
	case "":
		os.Exit(m.Run())
	case "hold":
		_, err := Acquire(os.Getenv("LOCK"))
		if err == nil {
			_, err = ListenUnix(os.Getenv("UDS"), 0o660, "")
		}
		fmt.Println("result:", err)
		select {} // until killed
	case "activated":
		found, err := Activated()
		for name, list := range found {
			for _, ln := range list {
				fmt.Println(name, ln.Addr().Network())
			}
		}
		again, _ := Activated()
		fmt.Println("error:", err, "again:", len(again), "env:", len(os.Getenv("LISTEN_FDS")))
	}
}

// child starts the test binary in a role and returns its first line of output.
func child(t *testing.T, role string, env ...string) (*exec.Cmd, string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), append(env, roleEnv+"="+role)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return cmd, strings.TrimSpace(line)
}

// tempDir gives a directory whose path leaves room for a socket's name.
func tempDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "i")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func wantError(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error = %v, want one with %q", err, want)
	}
}

func TestLockIsExclusive(t *testing.T) {
	path := filepath.Join(tempDir(t), "new", "dir", "inferd.lock")
	first, err := Acquire(path)
	if err != nil {
		t.Fatal(err)
	}
	if text, _ := os.ReadFile(path); string(text) != strconv.Itoa(os.Getpid())+"\n" {
		t.Errorf("lock file holds %q, want our pid", text)
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("mode of the lock file = %04o", info.Mode().Perm())
	}
	if info, _ := os.Stat(filepath.Dir(path)); info.Mode().Perm() != 0o700 {
		t.Errorf("mode of the made directory = %04o", info.Mode().Perm())
	}

	_, err = Acquire(path)
	held, ok := errors.AsType[*HeldError](err)
	if !ok || !errors.Is(err, ErrHeld) || held.PID != os.Getpid() {
		t.Fatalf("second Acquire = %v, want a HeldError with our pid", err)
	}
	want := fmt.Sprintf("another inferd already holds the lock at %s (pid %d)", path, os.Getpid())
	if err.Error() != want {
		t.Errorf("text = %q, want %q", err, want)
	}

	if err := first.Release(); err != nil {
		t.Fatal(err)
	}
	again, err := Acquire(path)
	if err != nil {
		t.Fatalf("after release: %v", err)
	}
	if err := again.Release(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Size() != 0 {
		t.Errorf("after release: size %v, error %v; want the file empty and there", info, err)
	}
}

func TestLockRefusals(t *testing.T) {
	f := func(name, want string, make func(path string) error) {
		t.Helper()
		path := filepath.Join(tempDir(t), "lock")
		if err := make(path); err != nil {
			t.Fatal(err)
		}
		before, _ := os.Lstat(path)
		_, err := Acquire(path)
		wantError(t, err, want+path)
		after, err := os.Lstat(path)
		if err != nil || !os.SameFile(before, after) || before.Size() != after.Size() ||
			!before.ModTime().Equal(after.ModTime()) {
			t.Errorf("%s: what lay there was touched: %v", name, err)
		}
	}
	f("symlink to a file", "lock path is a symlink (refused): ", func(path string) error {
		target := path + ".target"
		return errors.Join(os.WriteFile(target, []byte("precious"), 0o600),
			os.Symlink(target, path))
	})
	f("dangling symlink", "lock path is a symlink (refused): ", func(path string) error {
		return os.Symlink(path+".absent", path)
	})
	f("directory", "lock path is not a regular file: ", func(path string) error {
		return os.Mkdir(path, 0o700)
	})
	f("file", "lock path is a file that no inferd wrote (refused): ", func(path string) error {
		return os.WriteFile(path, []byte("precious"), 0o600)
	})
	f("file of digits", "lock path is a file that no inferd wrote (refused): ",
		func(path string) error {
			return os.WriteFile(path, bytes.Repeat([]byte("1\n"), 500), 0o600)
		})
	f("fifo", "lock path is not a regular file: ", func(path string) error {
		return syscall.Mkfifo(path, 0o600)
	})
}

// TestLockOpensNoLink is for a link that comes in place of the file after the
// look at it.
func TestLockOpensNoLink(t *testing.T) {
	path := filepath.Join(tempDir(t), "lock")
	if err := os.Symlink(path+".target", path); err != nil {
		t.Fatal(err)
	}
	if _, err := newFlock(path).TryLock(); !errors.Is(err, syscall.ELOOP) {
		t.Errorf("TryLock = %v, want ELOOP", err)
	}
	if _, err := os.Lstat(path + ".target"); err == nil {
		t.Error("the link's target was created")
	}
}

// TestLockAfterCrash: what a daemon can have left in the file is no obstacle.
func TestLockAfterCrash(t *testing.T) {
	f := func(content string) {
		t.Helper()
		path := filepath.Join(tempDir(t), "lock")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		l, err := Acquire(path)
		if err != nil {
			t.Fatalf("with %q in the file: %v", content, err)
		}
		defer func() { _ = l.Release() }()
		if text, _ := os.ReadFile(path); string(text) != strconv.Itoa(os.Getpid())+"\n" {
			t.Errorf("behind %q the file holds %q, want our pid", content, text)
		}
	}
	f("")
	f("12")
	f("4194304\n")
	f("\x00\x00\x00\x00\x00\x00")
}

func TestLockHolderUnknown(t *testing.T) {
	dir := tempDir(t)
	f := func(content string, want int) {
		t.Helper()
		path := filepath.Join(dir, "pid")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := holder(path); got != want {
			t.Errorf("holder of %q = %d, want %d", content, got, want)
		}
	}
	f("", 0)
	f("nonsense\n", 0)
	f("-1\n", 0)
	f(strings.Repeat("1", 500), 0)
	f(strconv.Itoa(os.Getpid()), os.Getpid())
	err := &HeldError{Path: "/l"}
	wantError(t, err, "another inferd already holds the lock at /l (pid unknown)")
}

// TestKilledHolder is row 11 of the reliability promises for the lock and the
// sockets: after kill -9 both are reclaimed at once, and not a moment before.
func TestKilledHolder(t *testing.T) {
	dir := tempDir(t)
	lock, uds := filepath.Join(dir, "l"), filepath.Join(dir, "s")
	cmd, line := child(t, "hold", "LOCK="+lock, "UDS="+uds)
	if line != "result: <nil>" {
		t.Fatal(line)
	}
	_, err := Acquire(lock)
	if held, ok := errors.AsType[*HeldError](err); !ok || held.PID != cmd.Process.Pid {
		t.Errorf("Acquire = %v, want held by pid %d", err, cmd.Process.Pid)
	}
	_, err = ListenUnix(uds, 0o660, "")
	wantError(t, err, "in use by a live process")

	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	l, err := Acquire(lock)
	if err != nil {
		t.Fatalf("after kill -9: %v", err)
	}
	defer func() { _ = l.Release() }()
	s, err := ListenUnix(uds, 0o660, "")
	if err != nil {
		t.Fatalf("after kill -9: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
