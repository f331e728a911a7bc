package admin

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/datadriven"
	"go.uber.org/goleak"

	"inferd/engine"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// event makes the event that a script names.
func event(t *testing.T, d *datadriven.TestData) Event {
	t.Helper()
	name := d.CmdArgs[0].Key
	arg := func(key string) string {
		var s string
		d.MaybeScanArgs(t, key, &s)
		return s
	}
	path := strings.TrimSpace(d.Input) // not an argument: (mock) would be a list
	phase := map[string]Phase{
		"checking_local": CheckingLocal(path),
		"download":       Download(33554432, 5126304928, "https://u:p@h/m?token=hunter2"),
		"download?":      Download(0, -1, "https://h/m"),
		"verify":         Verify(path),
		"quarantine":     Quarantine("/m", "aa", "bb", "/q"),
		"mmap":           EnginePhase(engine.Phase{Name: "mmap", Path: path}),
		"kv_cache":       EnginePhase(engine.Phase{Name: "kv_cache", NCtx: 8192}),
		"engine":         EnginePhase(engine.Phase{Name: "kv_cache", NCtx: 4096}),
	}
	switch name {
	case "starting":
		return Starting()
	case "ready":
		return Ready()
	case "draining":
		return Draining()
	case "capabilities":
		caps := mockCapabilities
		caps.Note, caps.Model = arg("note"), arg("model")
		return Capabilities(arg("backend"), caps)
	case "restarting":
		return Restarting(phase[arg("phase")])
	}
	if p, ok := phase[name]; ok {
		return Loading(p)
	}
	t.Fatalf("unknown event %q", name)
	return Event{}
}

// TestScripts plays testdata: what the daemon publishes, what clients send, and
// byte for byte what each client gets.
func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		synctest.Test(t, func(t *testing.T) {
			h := newHarness(t)
			defer h.close()
			datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
				return h.step(t, d)
			})
		})
	})
}

func (h *harness) step(t *testing.T, d *datadriven.TestData) string {
	name := ""
	if len(d.CmdArgs) > 0 {
		name = d.CmdArgs[0].Key
	}
	switch d.Cmd {
	case "publish":
		h.b.Publish(event(t, d))
		return ""
	case "connect":
		return h.connect(name).take()
	case "read":
		return h.clients[name].take()
	case "send":
		if _, err := h.clients[name].conn.Write([]byte(d.Input + "\n")); err != nil {
			return err.Error()
		}
		return h.clients[name].take()
	case "refuse":
		h.refusal = errors.New(d.Input)
		return ""
	case "hang-up":
		_ = h.clients[name].conn.Close()
		synctest.Wait()
		h.s.mu.Lock()
		defer h.s.mu.Unlock()
		return fmt.Sprintf("%d clients left\n", len(h.s.clients))
	case "calls":
		return fmt.Sprintf("%q\n", h.daemon.calls)
	case "status":
		return h.b.Status() + "\n"
	case "close":
		begin := time.Now()
		err := h.s.Close(t.Context())
		return fmt.Sprintf("%v after %v\n", err, time.Since(begin))
	default:
		t.Fatalf("unknown step %q", d.Cmd)
		return ""
	}
}

// TestLagDisconnects: a client that reads nothing is cut off after its 256
// frames, publishing goes on at once, and others notice nothing.
func TestLagDisconnects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		stuck := h.pipes.dial(t)
		defer stuck.Close()
		good := h.connect("good")
		synctest.Wait()
		begin := time.Now()
		const sent = maxLagFrames + 1
		for i := range sent {
			if i == maxLagFrames && h.log.Len() > 0 {
				t.Errorf("disconnected before its limit: %s", &h.log)
			}
			h.b.Publish(Ready())
			synctest.Wait()
		}
		if took := time.Since(begin); took != 0 {
			t.Errorf("publishing took %v behind a stuck client", took)
		}
		want := "level=WARN msg=\"admin client lagged broadcast; closing\" limit_frames=256\n"
		if got := h.log.String(); got != want {
			t.Errorf("log %q, want %q", got, want)
		}
		if _, err := stuck.Read(make([]byte, 1)); err == nil {
			t.Error("the stuck client was not disconnected")
		}
		if got := strings.Count(good.take(), "\n"); got != 1+sent {
			t.Errorf("the other client got %d frames, want %d", got, 1+sent)
		}
		h.close()
	})
}

// TestCloseHangsUpOnStuckClients: the end waits at most closeTimeout.
func TestCloseHangsUpOnStuckClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		stuck := h.pipes.dial(t)
		defer stuck.Close()
		synctest.Wait()
		begin := time.Now()
		h.close()
		if took := time.Since(begin); took != closeTimeout {
			t.Errorf("Close took %v, want %v", took, closeTimeout)
		}
	})
}

func TestStuckWriteTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		stuck := h.pipes.dial(t)
		defer stuck.Close()
		time.Sleep(writeTimeout + time.Millisecond)
		synctest.Wait()
		h.s.mu.Lock()
		left := len(h.s.clients)
		h.s.mu.Unlock()
		if left != 0 {
			t.Errorf("%d clients left after the write timeout", left)
		}
		h.close()
	})
}

func TestSurplusClientIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		for i := range maxClients {
			h.connect(fmt.Sprint(i))
		}
		if got := h.connect("surplus").take(); got != "EOF\n" {
			t.Errorf("surplus client got %q, want only EOF", got)
		}
		if !strings.Contains(h.log.String(), "too many are connected") {
			t.Errorf("log %q tells nothing", &h.log)
		}
		_ = h.clients["0"].conn.Close()
		synctest.Wait()
		if got := h.connect("next").take(); !strings.Contains(got, `"starting"`) {
			t.Errorf("a place was free but the next client got %q", got)
		}
		h.close()
	})
}

// flaky fails as accept does without descriptors, then works.
type flaky struct {
	*pipes
	failures int
}

func (f *flaky) Accept() (net.Conn, error) {
	if f.failures > 0 {
		f.failures--
		return nil, errors.New("accept: too many open files")
	}
	return f.pipes.Accept()
}

func TestAcceptErrorsPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewServer(Options{Broadcaster: NewBroadcaster()})
		ln := &flaky{newPipes(), 5}
		served := make(chan error, 1)
		go func() { served <- s.Serve(ln) }()
		conn := ln.dial(t)
		if _, err := bufio.NewReader(conn).ReadString('\n'); err != nil {
			t.Errorf("after the errors: %v", err)
		}
		_ = conn.Close()
		if err := s.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Errorf("Serve: %v, want nil after Close", err)
		}
	})
}

// TestSnapshotIsAtomic: with a publisher running, every subscriber sees the
// events from its snapshot on without a gap or a repetition.
func TestSnapshotIsAtomic(t *testing.T) {
	b := NewBroadcaster()
	const events, subscribers = 200, 50
	nth := func(n int) Event { return Loading(Phase{"kv_cache", fields{"n_ctx": uint32(n)}}) }
	b.Publish(nth(0))
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 1; i <= events; i++ {
			b.Publish(nth(i))
		}
		b.close()
	})
	for range subscribers {
		wg.Go(func() {
			s := b.subscribe(func() { t.Error("lagged within the limit") })
			next := number(t, s.snapshot[0])
			for frame := range s.events {
				next++
				if got := number(t, frame); got != next {
					t.Errorf("event %d after %d", got, next-1)
				}
			}
			if next != events {
				t.Errorf("last event %d, want %d", next, events)
			}
		})
	}
	wg.Wait()
}

func number(t *testing.T, frame []byte) int {
	var m struct {
		NCtx int `json:"n_ctx"`
	}
	if err := json.Unmarshal(frame, &m); err != nil {
		t.Errorf("frame %q: %v", frame, err)
	}
	return m.NCtx
}

// TestUnixSocket covers what a pipe cannot: a client that closes only its
// sending side goes on watching, and its departure is noticed.
func TestUnixSocket(t *testing.T) {
	dir, err := os.MkdirTemp("", "i")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ln, err := net.Listen("unix", filepath.Join(dir, "admin.sock"))
	if err != nil {
		t.Fatal(err)
	}
	b := NewBroadcaster()
	s := NewServer(Options{
		Broadcaster: b, Commands: &fakeDaemon{},
		MayCommand: func(net.Conn) error { return nil },
	})
	served := make(chan error, 1)
	go func() { served <- s.Serve(ln) }()

	conn, err := net.Dial("unix", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// A command without a newline and then the half-close, as `printf | nc` has it.
	if _, err := conn.Write([]byte(`{"type":"command","command":"drain"}`)); err != nil {
		t.Fatal(err)
	}
	if err := conn.(*net.UnixConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(conn)
	expect := func(want string) {
		t.Helper()
		got, err := r.ReadString('\n')
		if err != nil || got != want+"\n" {
			t.Fatalf("got %q, %v; want %q", got, err, want)
		}
	}
	expect(`{"id":"admin","status":"starting","type":"status"}`)
	expect(`{"command":"drain","id":"admin","ok":true,"type":"reply"}`)
	b.Publish(Draining())
	expect(`{"id":"admin","status":"draining","type":"status"}`)

	client := func() *client {
		s.mu.Lock()
		defer s.mu.Unlock()
		for c := range s.clients {
			return c
		}
		t.Fatal("the half-closed client was dropped")
		return nil
	}()
	if hungUp(client.conn) {
		t.Error("half-closed counts as hung up")
	}
	_ = conn.Close()
	select {
	case <-client.done:
	case <-time.After(10 * time.Second):
		t.Error("the client's departure was not noticed")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := s.Close(ctx); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}

func TestReplyThatCannotBeEncoded(t *testing.T) {
	got := answer([]byte(`{"type":"command","command":"stats"}`),
		&fakeDaemon{stats: func() {}}, nil)
	var m map[string]any
	if err := json.Unmarshal(got, &m); err != nil || m["ok"] != false || m["command"] != "stats" {
		t.Errorf("reply %q (%v)", got, err)
	}
}

// TestLongErrors: a reload that failed lists every mistake of the file; the
// reply holds 4 KiB of that.
func TestLongErrors(t *testing.T) {
	f := func(size, want int) {
		t.Helper()
		got := answer([]byte(`{"type":"command","command":"reload"}`),
			&fakeDaemon{wrong: errors.New(strings.Repeat("x", size))}, nil)
		var m struct{ Error string }
		if err := json.Unmarshal(got, &m); err != nil || len(m.Error) != want {
			t.Errorf("an error of %d bytes became one of %d (%v), want %d", size, len(m.Error), err,
				want)
		}
	}
	f(4096, 4096)
	f(4097, 4096)
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{"type":"command","command":"cancel","conn":7}`))
	f.Add([]byte(`{"type":"command","command":"\ud800","level":[]}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		got := answer(line, &fakeDaemon{}, nil)
		var m struct {
			ID, Type string
			OK       *bool
		}
		if err := json.Unmarshal(got, &m); err != nil {
			t.Fatalf("answer(%q) = %q: %v", line, got, err)
		}
		one := bytes.Count(got, []byte{'\n'}) == 1 && bytes.HasSuffix(got, []byte{'\n'})
		if m.ID != "admin" || m.Type != "reply" || m.OK == nil || !one {
			t.Fatalf("answer(%q) = %q", line, got)
		}
	})
}
