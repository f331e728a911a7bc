package instance

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func mustListen(t *testing.T, path string, mode fs.FileMode) *Socket {
	t.Helper()
	s, err := ListenUnix(path, mode, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func dial(t *testing.T, path string) error {
	t.Helper()
	conn, err := net.Dial("unix", path)
	if err == nil {
		_ = conn.Close()
	}
	return err
}

func TestListenUnix(t *testing.T) {
	dir := tempDir(t)
	umask := syscall.Umask(0o022)
	syscall.Umask(umask)
	for _, mode := range []fs.FileMode{0o660, 0o600} {
		path := filepath.Join(dir, "sub", mode.String())
		s := mustListen(t, path, mode)
		info, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != mode || info.Mode().Type() != fs.ModeSocket {
			t.Errorf("mode = %v, want a socket with %v", info.Mode(), mode)
		}
		if err := dial(t, path); err != nil {
			t.Errorf("dial: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("after Close: %v, want the file gone", err)
		}
	}
	if info, _ := os.Stat(filepath.Join(dir, "sub")); info.Mode().Perm() != 0o700 {
		t.Errorf("mode of the made directory = %v", info.Mode())
	}
	if now := syscall.Umask(umask); now != umask {
		t.Errorf("umask = %04o afterwards, was %04o", now, umask)
	}
}

// TestBindIsPrivate looks at the socket in the moment before it gets its mode.
func TestBindIsPrivate(t *testing.T) {
	path := filepath.Join(tempDir(t), "s")
	defer syscall.Umask(syscall.Umask(0))
	ln, err := bind(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	info, err := os.Lstat(path)
	if err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("mode = %v, %v; want nothing for others", info.Mode(), err)
	}
}

func TestListenUnixOddPaths(t *testing.T) {
	dir := tempDir(t)
	t.Chdir(dir)
	for _, name := range []string{"a?b=c", "a#b", "with space", "ünï", "%41", "@at", "a:b"} {
		s := mustListen(t, name, 0o600)
		info, err := os.Lstat(filepath.Join(dir, name))
		if err != nil || info.Mode().Type() != fs.ModeSocket {
			t.Errorf("%q: %v, %v; want a socket of exactly that name", name, info, err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestListenUnixBadPaths(t *testing.T) {
	dir := tempDir(t)
	f := func(path, want string) {
		t.Helper()
		_, err := ListenUnix(path, 0o600, "")
		wantError(t, err, want)
	}
	f("", "uds path is empty")
	f("a\x00b", "NUL byte")
	long := filepath.Join(dir, strings.Repeat("x", maxSocketPathBytes-len(dir)))
	f(long, "choose a shorter one: "+long)
	fits := long[:maxSocketPathBytes]
	mustListen(t, fits, 0o600)
	_, err := ListenUnix(filepath.Join(dir, "g"), 0o600, "no-such-group-here")
	wantError(t, err, "group not found: no-such-group-here")
	if _, err := os.Lstat(filepath.Join(dir, "g")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a socket was made for a group that does not exist")
	}
}

func TestListenUnixGroup(t *testing.T) {
	// Any user may give a file to a group that he is in; root to any.
	gid := os.Getgid()
	if os.Geteuid() == 0 {
		gid = 12345
	}
	path := filepath.Join(tempDir(t), "s")
	s, err := ListenUnix(path, 0o660, strconv.Itoa(gid))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || int(st.Gid) != gid || info.Mode().Perm() != 0o660 {
		t.Errorf("group %d, mode %v; want %d and 0660", st.Gid, info.Mode(), gid)
	}
}

// TestListenUnixLeavesAlone is row 12 of the reliability promises.
func TestListenUnixLeavesAlone(t *testing.T) {
	f := func(want string, make func(path string) error) {
		t.Helper()
		path := filepath.Join(tempDir(t), "s")
		if err := make(path); err != nil {
			t.Fatal(err)
		}
		before, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		_, err = ListenUnix(path, 0o660, "")
		wantError(t, err, want)
		after, err := os.Lstat(path)
		if err != nil || !os.SameFile(before, after) || before.ModTime() != after.ModTime() ||
			before.Mode() != after.Mode() {
			t.Errorf("%s: what lay there was touched: %v", want, err)
		}
	}
	f("uds path is a directory (refused): ", func(path string) error {
		return errors.Join(os.Mkdir(path, 0o755),
			os.WriteFile(filepath.Join(path, "precious"), nil, 0o600))
	})
	f("uds path exists and is not a socket (refused): ", func(path string) error {
		return os.WriteFile(path, []byte("precious"), 0o644)
	})
	f("uds path exists and is not a socket (refused): ", func(path string) error {
		return syscall.Mkfifo(path, 0o600)
	})
	f("uds path is a symlink (refused): ", func(path string) error {
		return os.Symlink("/nowhere", path)
	})
	f("uds path is in use by a live process (refused): ", func(path string) error {
		ln, err := net.Listen("unix", path)
		if err == nil {
			t.Cleanup(func() { _ = ln.Close() })
		}
		return err
	})
	f("uds path may be in use (refused): ", func(path string) error {
		c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
		if err == nil {
			t.Cleanup(func() { _ = c.Close() })
		}
		return err
	})
	// A symlink to a live or stale socket is a symlink.
	f("uds path is a symlink (refused): ", func(path string) error {
		return errors.Join(stale(path+".real"), os.Symlink(path+".real", path))
	})
}

// stale leaves a socket at path that nobody listens on.
func stale(path string) error {
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return err
	}
	ln.SetUnlinkOnClose(false)
	return ln.Close()
}

// TestListenUnixForeignStale: a stale socket of another user is not ours to
// remove, even where the directory would let us.
func TestListenUnixForeignStale(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can make another user's socket")
	}
	path := filepath.Join(tempDir(t), "s")
	s := mustListen(t, path, 0o600)
	s.made = nil // closing leaves it
	if err := errors.Join(s.Close(), os.Chown(path, 65534, -1)); err != nil {
		t.Fatal(err)
	}
	_, err := ListenUnix(path, 0o600, "")
	wantError(t, err, "uds path is a socket of user 65534 (refused")
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("it was removed: %v", err)
	}
}

func TestListenUnixReclaimsStale(t *testing.T) {
	path := filepath.Join(tempDir(t), "s")
	if err := stale(path); err != nil {
		t.Fatal(err)
	}
	mustListen(t, path, 0o660)
	if err := dial(t, path); err != nil {
		t.Errorf("dial: %v", err)
	}
}

func TestCloseRemovesOnlyItsOwn(t *testing.T) {
	path := filepath.Join(tempDir(t), "s")
	first := mustListen(t, path, 0o660)
	if err := os.Rename(path, path+".moved"); err != nil {
		t.Fatal(err)
	}
	mustListen(t, path, 0o660)
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	if err := dial(t, path); err != nil {
		t.Errorf("the second socket is gone: %v", err)
	}
}

// TestListenTCP_WildcardIsOfItsFamily: who opens IPv4 has not opened IPv6.
func TestListenTCP_WildcardIsOfItsFamily(t *testing.T) {
	ln, err := ListenTCP("0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if addr := ln.Addr().(*net.TCPAddr); addr.IP.To4() == nil {
		t.Errorf("bound to %v, want 0.0.0.0", addr)
	}
}

func TestListenTCP(t *testing.T) {
	ln, err := ListenTCP("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	for _, bad := range []string{"", "localhost:0", "127.0.0.1", ":80", "1.2.3.4:x"} {
		_, err := ListenTCP(bad)
		wantError(t, err, "bad tcp addr: ")
	}
	_, err = ListenTCP(ln.Addr().String())
	wantError(t, err, "address already in use")
}

func TestActivated(t *testing.T) {
	dir := tempDir(t)
	unixLn := mustListen(t, filepath.Join(dir, "s"), 0o600)
	tcpLn, err := ListenTCP("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tcpLn.Close() }()
	unixFile, err := unixLn.File()
	if err != nil {
		t.Fatal(err)
	}
	tcpFile, err := tcpLn.File()
	if err != nil {
		t.Fatal(err)
	}
	f := func(names, fds string, want ...string) {
		t.Helper()
		// The process id in LISTEN_PID must be the child's own.
		cmd := exec.Command("/bin/sh", "-c", `LISTEN_PID=$$ exec "$0"`, os.Args[0])
		cmd.ExtraFiles = []*os.File{unixFile, tcpFile}
		cmd.Env = append(os.Environ(), roleEnv+"=activated",
			"LISTEN_FDS="+fds, "LISTEN_FDNAMES="+names)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		got := strings.Split(strings.TrimSpace(string(out)), "\n")
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("names %q: got %q, want %q", names, got, want)
		}
	}
	const clean = "error: <nil> again: 0 env: 0"
	f("infer:infer", "2", "infer unix", "infer tcp", clean)
	f("admin:embed", "2", "admin unix", "embed tcp", clean)
	f("inferd.socket:inferd-infer-v2.socket", "2", "infer unix", "infer-v2 tcp", clean)
	f("", "1", "infer unix", clean)
	f("", "0", clean)
	f("other:infer", "2", `error: socket activation: unknown name "other" in `+
		"FileDescriptorName=: use infer, infer-v2, embed or admin again: 0 env: 0")
}
