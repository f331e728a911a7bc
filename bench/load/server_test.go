package load

import (
	"bufio"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"inferd/client"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	tokenLine = `{"type":"token","id":"bench","content":"t"}` + "\n"
	doneLine  = `{"type":"done","id":"bench","content":"tt","usage":{"prompt_tokens":0,` +
		`"completion_tokens":2},"stop_reason":"end","backend":"mock"}` + "\n"
	fullLine = `{"type":"error","id":"bench","code":"queue_full","message":"queue full"}` + "\n"
	failLine = `{"type":"error","id":"bench","code":"internal","message":"no"}` + "\n"
	answer   = tokenLine + tokenLine + doneLine // two tokens, three frames
)

// fakeServer calls handle for each connection in a goroutine of its own; the
// reader gives request lines.
func fakeServer(
	t *testing.T, network string, handle func(r *bufio.Reader, w net.Conn),
) client.Target {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		dir, err := os.MkdirTemp("", "i") // short enough for a socket path
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
		address = filepath.Join(dir, "s")
	}
	listener, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				handle(bufio.NewReader(conn), conn)
				_ = conn.Close()
			}()
		}
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		<-ended
	})
	if network == "unix" {
		return client.Target{Unix: address}
	}
	return client.Target{TCP: listener.Addr().String()}
}

// answering replies with the same text to every line.
func answering(reply string) func(*bufio.Reader, net.Conn) {
	return func(r *bufio.Reader, w net.Conn) {
		for skipLine(r) {
			if _, err := io.WriteString(w, reply); err != nil {
				return
			}
		}
	}
}

// skipLine reads one line of any length.
func skipLine(r *bufio.Reader) bool {
	for {
		_, err := r.ReadSlice('\n')
		if err != bufio.ErrBufferFull {
			return err == nil
		}
	}
}
