package client

import (
	"bufio"
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeConn is the daemon's end of one connection in a test.
type fakeConn struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
}

// line reads the client's next line; "" at its end.
func (f *fakeConn) line() string {
	line, err := f.r.ReadString('\n')
	if err != nil {
		return ""
	}
	return line[:len(line)-1]
}

func (f *fakeConn) send(text string) {
	_, _ = f.conn.Write([]byte(text))
}

// awaitClose returns when the client has hung up.
func (f *fakeConn) awaitClose() {
	for f.line() != "" {
	}
}

// fakeDaemon serves each connection with handle, on network "unix" or "tcp",
// and returns the target to dial.
func fakeDaemon(t *testing.T, network string, handle func(*fakeConn)) Target {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(shortDir(t), "s")
	}
	listener, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			handle(&fakeConn{t: t, conn: conn, r: bufio.NewReader(conn)})
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		<-done
	})
	if network == "unix" {
		return Target{Unix: address}
	}
	return Target{TCP: listener.Addr().String()}
}

// shortDir gives a directory whose socket paths fit into sun_path, which
// t.TempDir with its long names may not.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "i")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func dialed(t *testing.T, target Target) *Client {
	t.Helper()
	c, err := Dial(testContext(t), target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func ask(text string) Request {
	return Request{ID: "r1", Messages: []Message{{Role: "user", Content: text}}}
}
