package perimeter

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"inferd/tests/harness"
	"inferd/tests/reliability/observe"
)

// TestRow21_PeerIsKnown: uid and pid from the kernel, in the log and in the
// connection list; TCP shows its address.
func TestRow21_PeerIsKnown(t *testing.T) {
	t.Parallel()
	d := harness.StartMock(t, "--tcp", "127.0.0.1:0")
	d.Dial(t).Send(harness.Ask("r"))
	e := d.AwaitEvent(t, "connection_accepted", func(e harness.Event) bool {
		return e.String("transport") == "unix"
	})
	if e.Number("peer_uid") != float64(os.Getuid()) || e.Number("peer_pid") != float64(os.Getpid()) {
		t.Errorf("event %v", e)
	}
	tcp := d.DialTCP(t)
	e = d.AwaitEvent(t, "connection_accepted", func(e harness.Event) bool {
		return e.String("transport") == "tcp"
	})
	if want := "tcp:" + tcp.LocalAddr().String(); e.String("peer") != want || e["peer_uid"] != nil {
		t.Errorf("event %v, want peer %s", e, want)
	}
	admin := observe.Dial(t, d)
	for _, want := range []string{
		fmt.Sprintf("unix:%d:%d", os.Getuid(), os.Getpid()), "tcp:" + tcp.LocalAddr().String(),
	} {
		harness.Await(t, want+" in the connection list", func() bool {
			return slices.ContainsFunc(admin.Command(t, "connections").Connections,
				func(c observe.Conn) bool { return c.Peer == want })
		})
	}
}

// TestRow21_AllowLists: others are closed at accept, counted, and never asked.
func TestRow21_AllowLists(t *testing.T) {
	t.Parallel()
	uid, gid := os.Getuid(), os.Getgid()
	f := func(name string, admitted bool, flags ...string) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := harness.StartMock(t, append(flags, "--metrics-addr", "127.0.0.1:0")...)
			c := d.Dial(t)
			if admitted {
				c.Send(harness.Ask("r"))
				if f := c.Last(); f.Outcome() != "done" {
					t.Errorf("%+v", f)
				}
				return
			}
			closedSilently(t, c)
			if n := observe.Scrape(t, d)[`inferd_rejected_total{reason="peer_not_allowed"}`]; n != 1 {
				t.Errorf("%v refusals counted, want 1", n)
			}
			if s := observe.Dial(t, d).Stats(t); s.Connections != 0 {
				t.Errorf("%d connections, want none", s.Connections)
			}
			d.AwaitEvent(t, "connection_refused", nil)
		})
	}
	other := func(id int) string { return strconv.Itoa(id + 4711) }
	f("own uid", true, "--allow-uid", strconv.Itoa(uid))
	f("own uid among others", true, "--allow-uid", other(uid)+","+strconv.Itoa(uid))
	f("own gid", true, "--allow-gid", strconv.Itoa(gid))
	f("uid or gid", true, "--allow-uid", other(uid), "--allow-gid", strconv.Itoa(gid))
	f("other uid", false, "--allow-uid", other(uid))
	f("other gid", false, "--allow-gid", other(gid))
	f("neither", false, "--allow-uid", other(uid), "--allow-gid", other(gid))
}

// TestRow21_OtherUser: another user's process gets to no socket, not even with
// the directory wide open.
func TestRow21_OtherUser(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		// Becoming somebody else takes root. What keeps others out is the mode.
		d := harness.StartMock(t)
		info, err := os.Lstat(d.Unix())
		must(t, err)
		if info.Mode().Perm()&0o007 != 0 {
			t.Errorf("the socket's mode is %v", info.Mode().Perm())
		}
		return
	}
	const nobody = 65534
	d := harness.StartMock(t)
	must(t, os.Chmod(d.Dir, 0o755))
	for _, path := range []string{d.Unix(), d.Admin()} {
		if out := connectAs(t, nobody, path); !strings.Contains(out, "permission denied") {
			t.Errorf("user %d at %s: %q", nobody, path, out)
		}
	}
	// Even if somebody opens the admin socket up, commands are the owner's.
	must(t, os.Chmod(d.Admin(), 0o666))
	if out := connectAs(t, nobody, d.Admin()); !strings.Contains(out, "own user") {
		t.Errorf("a command of user %d: %q", nobody, out)
	}
}

// connectAs runs this test binary as another user, as TestHelperConnect.
func connectAs(t *testing.T, uid uint32, path string) string {
	t.Helper()
	self, err := os.Executable()
	must(t, err)
	dir := harness.Dir(t)
	must(t, os.Chmod(dir, 0o755))
	copied := in(dir, "helper") // the original lies where others may not look
	text, err := os.ReadFile(self)
	must(t, err)
	must(t, os.WriteFile(copied, text, 0o755))
	cmd := exec.Command(copied, "-test.run=^TestHelperConnect$")
	cmd.Dir = "/"
	cmd.Env = []string{"CONNECT=" + path}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	out, _ := cmd.CombinedOutput()
	return string(out)
}

// TestHelperConnect is the other process of TestRow21_OtherUser.
func TestHelperConnect(t *testing.T) {
	path := os.Getenv("CONNECT")
	if path == "" {
		return
	}
	c, err := harness.TryDial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	for err = c.TrySend(`{"type":"command","command":"drain"}` + "\n"); err == nil; {
		var line string
		line, err = c.TryLine()
		if strings.Contains(line, "reply") {
			t.Fatal(line)
		}
	}
	t.Fatal(err)
}

// TestRow21_Group: the group gets the socket, and an unknown one ends the boot.
func TestRow21_Group(t *testing.T) {
	t.Parallel()
	code, stderr := harness.StartExpectExit(t, "--backend", "mock", "--group", "no-such-group")
	refused(t, 2, code, stderr, "no-such-group")
	if os.Getuid() != 0 {
		return
	}
	d := harness.StartMock(t, "--group", "nogroup")
	info, err := os.Lstat(d.Unix())
	must(t, err)
	if gid := info.Sys().(*syscall.Stat_t).Gid; gid != 65534 {
		t.Errorf("the socket's group is %d, want 65534", gid)
	}
}

// TestRow21_RunDirectory: sockets are made in a directory of the owner's only,
// with a umask that says otherwise.
func TestRow21_RunDirectory(t *testing.T) {
	t.Parallel()
	dir := harness.Dir(t)
	d := harness.Spec{Dir: dir, Bare: true, Flags: []string{"--backend", "mock"}}.Launch(t)
	d.AwaitLog(t, "admission gate configured")
	info, err := os.Stat(in(dir, "inferd"))
	must(t, err)
	if info.Mode().Perm() != 0o700 {
		t.Errorf("the run directory's mode is %v, want 0700", info.Mode().Perm())
	}
	if _, err := net.Dial("unix", in(dir, "inferd/infer.sock")); err != nil {
		t.Error(err)
	}
}
