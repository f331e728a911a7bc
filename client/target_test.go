package client

import (
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestParseTarget(t *testing.T) {
	f := func(in string, want Target) {
		t.Helper()
		got, err := ParseTarget(in)
		if err != nil || got != want {
			t.Errorf("ParseTarget(%q) = %+v, %v; want %+v", in, got, err, want)
		}
	}
	f("", Target{})
	f("/run/x.sock", Target{Unix: "/run/x.sock"})
	f("./x.sock", Target{Unix: "./x.sock"})
	f("unix:x.sock", Target{Unix: "x.sock"})
	f("127.0.0.1:47321", Target{TCP: "127.0.0.1:47321"})
	f("tcp:localhost:1", Target{TCP: "localhost:1"})
	f("[::1]:47321", Target{TCP: "[::1]:47321"})

	if _, err := ParseTarget("nonsense"); err == nil || !strings.Contains(err.Error(), "want unix:") {
		t.Errorf("ParseTarget(nonsense): %v, want an error that names the forms", err)
	}
}

func TestTargetFromFlags(t *testing.T) {
	f := func(uds, tcp, udsEnv, tcpEnv string, want Target) {
		t.Helper()
		t.Setenv("INFERD_UDS", udsEnv)
		t.Setenv("INFERD_TCP", tcpEnv)
		got, err := TargetFromFlags(uds, tcp, "")
		if err != nil || got != want {
			t.Errorf("flags %q, %q, variables %q, %q: %+v, %v; want %+v",
				uds, tcp, udsEnv, tcpEnv, got, err, want)
		}
	}
	t.Setenv("INFERD_API_KEY", "")
	f("", "", "", "", Target{})
	f("/f", "", "/e", "e:1", Target{Unix: "/f"})
	f("", "f:1", "/e", "e:1", Target{TCP: "f:1"})
	f("", "", "/e", "e:1", Target{Unix: "/e"})
	f("", "", "", "e:1", Target{TCP: "e:1"})
	f("", "", "none", "e:1", Target{TCP: "e:1"})
	f("none", "", "/e", "e:1", Target{TCP: "e:1"})
	f("none", "f:1", "", "e:1", Target{TCP: "f:1"})
	f("/f", "", "none", "e:1", Target{Unix: "/f"})

	refused := func(uds, tcp, want string) {
		t.Helper()
		t.Setenv("INFERD_UDS", "")
		t.Setenv("INFERD_TCP", "")
		if got, err := TargetFromFlags(uds, tcp, ""); err == nil || err.Error() != want {
			t.Errorf("flags %q, %q: %+v, %v; want %s", uds, tcp, got, err, want)
		}
	}
	refused("/f", "f:1", "--uds and --tcp exclude each other")
	refused("none", "", "no Unix socket and no TCP address: give one with --tcp")

	t.Setenv("INFERD_API_KEY", "e")
	for flag, want := range map[string]string{"": "e", "f": "f"} {
		if got, err := TargetFromFlags("", "f:1", flag); err != nil || got.APIKey != want {
			t.Errorf("key flag %q: key %q, %v; want %q", flag, got.APIKey, err, want)
		}
	}
}

func TestTargetStringHidesTheKey(t *testing.T) {
	target := Target{TCP: "127.0.0.1:1", APIKey: "hush"}
	if s := target.String(); s != "tcp:127.0.0.1:1" {
		t.Errorf("String() = %q", s)
	}
}

func TestTwoAddressesAreRefused(t *testing.T) {
	_, err := Dial(t.Context(), Target{Unix: "/x", TCP: "127.0.0.1:1"})
	if err == nil || !strings.Contains(err.Error(), "set one") {
		t.Errorf("error %v, want a hint to set one", err)
	}
}

func TestDefaultPaths(t *testing.T) {
	if runtime.GOOS == "darwin" {
		t.Setenv("TMPDIR", "/xdg")
	}
	t.Setenv("XDG_RUNTIME_DIR", "/xdg")
	t.Setenv("HOME", "/home/u")
	paths := DefaultSocketPaths()
	if paths[0] != "/xdg/inferd/infer.sock" {
		t.Errorf("paths %q: want the XDG one first", paths)
	}
	if got := DefaultAdminPaths()[0]; got != "/xdg/inferd/admin.sock" {
		t.Errorf("admin path %q", got)
	}
}

// TestDefaultDialSkipsMissing: the second default place is used when the first
// has no socket.
func TestDefaultDialSkipsMissing(t *testing.T) {
	home := shortDir(t)
	path := filepath.Join(home, "infer.sock")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	paths := func() []string {
		return []string{filepath.Join(home, "nothing-here", "infer.sock"), path}
	}
	conn, err := Target{}.dial(testContext(t), paths)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
}
