package peer

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// pair connects over the network and gives the accepted side.
func pair(t *testing.T, network, addr string) net.Conn {
	t.Helper()
	ln, err := net.Listen(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	client, err := net.Dial(network, ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	server, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	return server
}

func unixPair(t *testing.T) net.Conn {
	t.Helper()
	dir, err := os.MkdirTemp("", "p")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return pair(t, "unix", filepath.Join(dir, "s"))
}

func TestFromConnUnix(t *testing.T) {
	id, err := FromConn(unixPair(t))
	want := Identity{
		Transport: TransportUnix, UID: os.Getuid(), GID: os.Getgid(), PID: os.Getpid(),
	}
	if err != nil || id != want {
		t.Errorf("FromConn = %+v, %v; want %+v", id, err, want)
	}
}

func TestFromConnTCP(t *testing.T) {
	c := pair(t, "tcp", "127.0.0.1:0")
	id, err := FromConn(c)
	want := Identity{
		Transport: TransportTCP, UID: -1, GID: -1, PID: -1, Addr: c.RemoteAddr().String(),
	}
	if err != nil || id != want {
		t.Errorf("FromConn = %+v, %v; want %+v", id, err, want)
	}
}

func TestFromConnFailures(t *testing.T) {
	closed := unixPair(t)
	_ = closed.Close()
	id, err := FromConn(closed)
	if err == nil || id.String() != "unix:-1:-1" {
		t.Errorf("closed connection: %v, %v; want an error and unknown ids", id, err)
	}
	pipe, other := net.Pipe()
	defer func() { _ = pipe.Close(); _ = other.Close() }()
	if _, err := FromConn(pipe); err == nil || !strings.Contains(err.Error(), "is not known") {
		t.Errorf("pipe: %v", err)
	}
}

func TestString(t *testing.T) {
	f := func(id Identity, want string) {
		t.Helper()
		if got := id.String(); got != want {
			t.Errorf("%+v = %q, want %q", id, got, want)
		}
	}
	f(Identity{Transport: TransportUnix, UID: 1000, GID: 7, PID: 42}, "unix:1000:42")
	f(Identity{Transport: TransportUnix, UID: -1, GID: -1, PID: -1}, "unix:-1:-1")
	f(Identity{Transport: TransportTCP, UID: -1, Addr: "[::1]:80"}, "tcp:[::1]:80")
}

func TestAllow(t *testing.T) {
	c := unixPair(t)
	me, err := FromConn(c)
	if err != nil {
		t.Fatal(err)
	}
	uid, gid := uint32(me.UID), uint32(me.GID)
	unknownPeer := Identity{Transport: TransportUnix, UID: -1, GID: -1, PID: -1}
	tcp := Identity{Transport: TransportTCP, UID: -1, GID: -1, PID: -1}
	f := func(what string, a Allow, id Identity, want bool) {
		t.Helper()
		if got := a.Permits(c, id); got != want {
			t.Errorf("%s: Permits = %v, want %v", what, got, want)
		}
	}
	f("no list", Allow{}, me, true)
	f("no list, unknown peer", Allow{}, unknownPeer, true)
	f("uid listed", Allow{UIDs: []uint32{uid + 1, uid}}, me, true)
	f("uid not listed", Allow{UIDs: []uint32{uid + 1}}, me, false)
	f("gid listed", Allow{GIDs: []uint32{gid}}, me, true)
	f("gid not listed", Allow{GIDs: []uint32{1 << 30}}, me, false)
	f("gid saves uid", Allow{UIDs: []uint32{uid + 1}, GIDs: []uint32{gid}}, me, true)
	f("unknown peer", Allow{UIDs: []uint32{uid}}, unknownPeer, false)
	f("uid -1 is nobody's", Allow{UIDs: []uint32{1<<32 - 1}}, unknownPeer, false)
	f("tcp", Allow{UIDs: []uint32{uid + 1}}, tcp, true)

	// The supplementary groups count, as the kernel tells them: hide the
	// primary one, which is often among them.
	groups, err := os.Getgroups()
	if err != nil {
		t.Fatal(err)
	}
	hidden := me
	hidden.GID = -1
	for _, g := range groups {
		f("supplementary", Allow{GIDs: []uint32{uint32(g)}}, hidden, true)
	}
	_ = c.Close()
	f("lookup fails", Allow{GIDs: []uint32{gid}}, hidden, false)
}

func TestLookupIsCheap(t *testing.T) {
	c := unixPair(t)
	got := testing.AllocsPerRun(100, func() {
		if _, err := FromConn(c); err != nil {
			t.Fatal(err)
		}
	})
	if got > 8 {
		t.Errorf("%v allocations a lookup, want at most 8", got)
	}
}
