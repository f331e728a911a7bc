package admin

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"inferd/engine"
)

// mockCapabilities are those of the mock engine.
var mockCapabilities = engine.Capabilities{
	V1: true, V2: true, Thinking: true, Embed: true, Accelerator: "cpu",
}

// pipes is a listener whose connections are made in memory, so that it lives in
// a synctest bubble.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), done: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

// dial gives up if nobody accepts.
func (p *pipes) dial(t *testing.T) net.Conn {
	t.Helper()
	a, b := net.Pipe()
	select {
	case p.conns <- b:
		return a
	case <-time.After(time.Minute):
		t.Fatal("nobody accepts")
		return nil
	}
}

// fakeDaemon records commands and answers with fixed figures.
type fakeDaemon struct {
	mu    sync.Mutex
	calls []string
	open  []ConnInfo
	gone  []ClosedConn
	stats any
	wrong error // what Reload says in place of its standard mistake
}

func (d *fakeDaemon) record(call string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls = append(d.calls, call)
}

func (d *fakeDaemon) Stats() any              { return d.stats }
func (d *fakeDaemon) Connections() []ConnInfo { return d.open }
func (d *fakeDaemon) Closed() []ClosedConn    { return d.gone }
func (d *fakeDaemon) Drain()                  { d.record("drain") }

func (d *fakeDaemon) Reload() error {
	d.record("reload")
	if d.wrong != nil {
		return d.wrong
	}
	return errors.New(`config.json:3: key "tokn": password=hunter2`)
}

func (d *fakeDaemon) SetLogLevel(level string) error {
	d.record("log_level " + level)
	return nil
}

func (d *fakeDaemon) Cancel(conn uint64) error {
	d.record(fmt.Sprint("cancel ", conn))
	if conn != 7 {
		return fmt.Errorf("no connection %d", conn)
	}
	return nil
}

// harness is a server in a bubble, and named clients whose input is collected.
type harness struct {
	t       *testing.T
	b       *Broadcaster
	s       *Server
	daemon  *fakeDaemon
	pipes   *pipes
	log     bytes.Buffer
	served  chan error
	refusal error
	clients map[string]*testClient
}

type testClient struct {
	conn net.Conn
	mu   sync.Mutex
	got  bytes.Buffer
}

func newHarness(t *testing.T) *harness {
	h := &harness{
		t: t, b: NewBroadcaster(), pipes: newPipes(), served: make(chan error, 1),
		clients: map[string]*testClient{},
		daemon: &fakeDaemon{
			stats: map[string]any{"active": 1, "queued": 2},
			open:  []ConnInfo{{ID: 7, Peer: "unix:1000:42", RunningRequest: "sk-abcdefghijklmnop"}},
			gone:  []ClosedConn{{ID: 3, Peer: "unix:1000:9", Reason: "eof", At: time.Unix(0, 0).UTC()}},
		},
	}
	h.s = NewServer(Options{
		Broadcaster: h.b, Commands: h.daemon,
		MayCommand: func(net.Conn) error { return h.refusal },
		Log: slog.New(slog.NewTextHandler(&h.log, &slog.HandlerOptions{
			ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
				if a.Key == slog.TimeKey {
					return slog.Attr{}
				}
				return a
			},
		})),
	})
	go func() { h.served <- h.s.Serve(h.pipes) }()
	return h
}

// connect starts a client that reads all it gets.
func (h *harness) connect(name string) *testClient {
	c := &testClient{conn: h.pipes.dial(h.t)}
	h.clients[name] = c
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := c.conn.Read(buf)
			c.mu.Lock()
			c.got.Write(buf[:n])
			if err != nil {
				c.got.WriteString("EOF\n")
			}
			c.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return c
}

// take is what the client got since the last take.
func (c *testClient) take() string {
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.got.Reset()
	return c.got.String()
}

func (h *harness) close() {
	h.t.Helper()
	if err := h.s.Close(h.t.Context()); err != nil {
		h.t.Errorf("Close: %v", err)
	}
	if err := <-h.served; err != nil {
		h.t.Errorf("Serve: %v", err)
	}
	for _, c := range h.clients {
		_ = c.conn.Close()
	}
}
