package baseline

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"inferd/client"
)

// gnet starts goroutines of a pool when it is imported.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m, goleak.IgnoreCurrent()) }

// start runs a kind on a Unix socket and a TCP port and returns both targets.
func start(t *testing.T, kind Kind, options RunOptions) []client.Target {
	t.Helper()
	dir, err := os.MkdirTemp("", "i") // short enough for a socket path
	if err != nil {
		t.Fatal(err)
	}
	ready, announce := io.Pipe()
	endpoints := Endpoints{UDS: filepath.Join(dir, "s"), TCP: freeAddress(t), Ready: announce}
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() {
		result <- kind.Run(ctx, endpoints, options)
		_ = announce.Close()
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-result; err != nil {
			t.Errorf("%s: %v", kind.Name, err)
		}
		_ = os.RemoveAll(dir)
	})
	if line, err := io.ReadAll(io.LimitReader(ready, 6)); string(line) != "ready\n" {
		t.Fatalf("%s announced %q, %v", kind.Name, line, err)
	}
	return []client.Target{{Unix: endpoints.UDS}, {TCP: endpoints.TCP}}
}

func freeAddress(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// TestKindsAnswerAlike: what is compared must be the same work, byte for byte.
func TestKindsAnswerAlike(t *testing.T) {
	want := string(slices.Concat(cannedAnswer()...))
	for _, kind := range Kinds() {
		t.Run(kind.Name, func(t *testing.T) {
			for _, target := range start(t, kind, RunOptions{Loops: 1}) {
				if kind.Name == "gnet-reject" {
					refused(t, target)
					continue
				}
				if diff := cmp.Diff(want, answers(t, target)); diff != "" {
					t.Errorf("%s (-want +got):\n%s", target, diff)
				}
			}
		})
	}
}

var hello = client.Request{
	ID: cannedID, Messages: []client.Message{{Role: "user", Content: "hi"}},
}

// answers asks twice on one connection and returns the second answer.
func answers(t *testing.T, target client.Target) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	c, err := client.DialWait(ctx, target)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	var lines strings.Builder
	for range 2 {
		lines.Reset()
		c.Tap(func(line []byte) { lines.Write(append(line[:len(line):len(line)], '\n')) })
		if text, err := c.Text(ctx, hello); err != nil || text != whole {
			t.Fatalf("%s: %q, %v", target, text, err)
		}
	}
	return lines.String()
}

func refused(t *testing.T, target client.Target) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	c, err := client.DialWait(ctx, target)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_, err = c.Text(ctx, hello)
	var serverErr *client.ServerError
	if !errors.As(err, &serverErr) || serverErr.Code != "queue_full" {
		t.Errorf("%s: %v, want queue_full", target, err)
	}
}

// TestDelay: with a delay the kinds that stream say the same, the others refuse
// to start rather than leave it out.
func TestDelay(t *testing.T) {
	want := string(slices.Concat(cannedAnswer()...))
	delay := RunOptions{Delay: 10 * time.Microsecond}
	for _, name := range []string{"std-frame", "std-chan", "sonic-frame"} {
		kind, err := Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, target := range start(t, kind, delay) {
			if diff := cmp.Diff(want, answers(t, target)); diff != "" {
				t.Errorf("%s %s (-want +got):\n%s", name, target, diff)
			}
		}
	}
	for _, name := range []string{"gnet", "gnet9", "gnet-reject", "std", "sonic"} {
		kind, err := Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := kind.Run(t.Context(), Endpoints{}, delay); !errors.Is(err, errNoDelay) {
			t.Errorf("%s: %v, want %v", name, err, errNoDelay)
		}
	}
}

// TestStdChan_EndsUnderLoad: no connection is left waiting for the engine.
func TestStdChan_EndsUnderLoad(t *testing.T) {
	kind, err := Lookup("std-chan")
	if err != nil {
		t.Fatal(err)
	}
	target := start(t, kind, RunOptions{})[0] // its end is awaited after this
	const clients = 512
	answered := make(chan struct{}, clients)
	for range clients {
		conn, err := net.Dial("unix", target.Unix)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		go func() {
			lines := bufio.NewScanner(conn)
			for n := 1; lines.Scan(); n++ {
				if n%(tokens+1) > 0 {
					continue
				}
				if n == tokens+1 {
					answered <- struct{}{}
				}
				_, _ = io.WriteString(conn, `{"messages":[]}`+"\n")
			}
		}()
		_, _ = io.WriteString(conn, `{"messages":[]}`+"\n")
	}
	for range clients {
		<-answered
	}
}

func TestGnetKeepsItsHandsOffThePath(t *testing.T) {
	path := filepath.Join(t.TempDir(), "precious")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	err := Gnet(t.Context(), Endpoints{UDS: path}, GnetOptions{})
	if err == nil || !strings.Contains(err.Error(), "remove it first") {
		t.Errorf("error %v", err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("the file is gone: %v", err)
	}
}

func TestLookup(t *testing.T) {
	for _, kind := range Kinds() {
		if got, err := Lookup(kind.Name); err != nil || got.Name != kind.Name {
			t.Errorf("Lookup(%q) = %q, %v", kind.Name, got.Name, err)
		}
	}
	if _, err := Lookup("nginx"); err == nil || !strings.Contains(err.Error(), "std-chan") {
		t.Errorf("Lookup(nginx): %v, want the list of kinds", err)
	}
}
