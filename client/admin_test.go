package client

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

const (
	adminStarting = `{"id":"admin","status":"starting","type":"status"}` + "\n"
	adminLoading  = `{"downloaded_bytes":33554432,"id":"admin","phase":"download",` +
		`"source_url":"https://models.example/m","status":"loading_model",` +
		`"total_bytes":5126304928,"type":"status"}` + "\n"
	adminCapabilities = `{"backend":"mock","id":"admin","status":"capabilities",` +
		`"type":"status","vision":true}` + "\n"
	adminReady   = `{"id":"admin","status":"ready","type":"status"}` + "\n"
	adminUnknown = `{"id":"admin","status":"dreaming","type":"status","of":["sheep"]}` + "\n"
)

func admin(t *testing.T, handle func(*fakeConn)) *AdminClient {
	t.Helper()
	target := fakeDaemon(t, "unix", handle)
	a, err := DialAdmin(testContext(t), target.Unix)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	return a
}

func TestAdminRecv(t *testing.T) {
	a := admin(t, func(s *fakeConn) {
		s.send(adminCapabilities + adminLoading + adminUnknown + adminReady)
	})
	f := func(status, phase string) Event {
		t.Helper()
		event, err := a.Recv(testContext(t))
		if err != nil || event.Status != status || event.Phase != phase {
			t.Fatalf("event %+v, %v; want status %q phase %q", event, err, status, phase)
		}
		return event
	}
	capabilities := f("capabilities", "")
	if !capabilities.IsCapabilities() || !capabilities.SupportsVision() || capabilities.Ready() {
		t.Error("capabilities frame not recognised")
	}
	loading := f("loading_model", "download")
	if got := loading.Fields["total_bytes"]; got != json.Number("5126304928") {
		t.Errorf("total_bytes = %v (%T)", got, got)
	}
	f("dreaming", "")
	ready := f("ready", "")
	if !ready.Ready() || ready.SupportsVision() {
		t.Error("ready frame not recognised")
	}
	if _, err := a.Recv(testContext(t)); !errors.Is(err, io.EOF) {
		t.Errorf("after the last event: %v, want io.EOF", err)
	}
}

func TestAdminWaitReady(t *testing.T) {
	f := func(name, events string, want error) {
		t.Run(name, func(t *testing.T) {
			a := admin(t, func(s *fakeConn) { s.send(events) })
			if err := a.WaitReady(testContext(t)); !errors.Is(err, want) {
				t.Errorf("error %v, want %v", err, want)
			}
		})
	}
	f("booting", adminStarting+adminLoading+adminCapabilities+adminReady, nil)
	f("ready already", adminCapabilities+adminReady, nil)
	f("dies before", adminStarting+adminLoading, ErrUnexpectedEOF)
	f("nonsense", "hello\n", errBadEvent)
}

// TestWaitReadyDialsAgain: the first connection ends early, the second is ready.
func TestWaitReadyDialsAgain(t *testing.T) {
	calls := 0
	target := fakeDaemon(t, "unix", func(s *fakeConn) {
		calls++
		if calls == 1 {
			s.send(adminStarting)
			return
		}
		s.send(adminReady)
		s.awaitClose()
	})
	if err := WaitReady(testContext(t), target.Unix); err != nil {
		t.Fatal(err)
	}
	if calls != 2 {
		t.Errorf("%d connections, want 2", calls)
	}
}

func TestAdminContext(t *testing.T) {
	a := admin(t, func(s *fakeConn) {
		s.send(adminStarting)
		s.awaitClose()
	})
	ctx, cancel := context.WithTimeout(testContext(t), 50*time.Millisecond)
	defer cancel()
	if err := a.WaitReady(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want the deadline", err)
	}
}

func TestAdminCommand(t *testing.T) {
	lines := make(chan string, 1)
	a := admin(t, func(s *fakeConn) {
		s.send(adminReady)
		lines <- s.line()
		s.send(adminUnknown +
			`{"type":"reply","id":"admin","command":"other","ok":false}` + "\n" +
			`{"type":"reply","id":"admin","command":"log_level","ok":true,"level":"debug"}` + "\n")
		s.line()
		s.send(`{"type":"reply","id":"admin","command":"drain","ok":false,"error":"already"}` + "\n")
	})
	reply, err := a.Command(testContext(t), "log_level", map[string]any{"level": "debug"})
	if err != nil || reply.Fields["level"] != "debug" {
		t.Errorf("reply %v, %v", reply.Fields, err)
	}
	if got, want := <-lines, `{"command":"log_level","level":"debug","type":"command"}`; got != want {
		t.Errorf("command line %s, want %s", got, want)
	}
	_, err = a.Command(testContext(t), "drain", nil)
	var refused *CommandError
	if !errors.As(err, &refused) || refused.Message != "already" {
		t.Errorf("error %v, want the refusal", err)
	}
	_, err = a.Command(testContext(t), "stats", nil)
	if err == nil || !strings.HasPrefix(err.Error(), "command stats: ") {
		t.Errorf("after the daemon hung up: %v", err)
	}
}

// TestAdminCommand_HalfALine: a daemon that ends in the middle of a line has ended; behind a
// line that is none, nothing is believed.
func TestAdminCommand_HalfALine(t *testing.T) {
	a := admin(t, func(s *fakeConn) {
		s.line()
		s.send(`{"type":"reply","comm`)
	})
	if _, err := a.Command(testContext(t), "stats", nil); !errors.Is(err, ErrUnexpectedEOF) {
		t.Errorf("half a line: %v", err)
	}
	a = admin(t, func(s *fakeConn) {
		s.line()
		s.send("junk\n" + `{"type":"reply","id":"admin","command":"stats","ok":true}` + "\n")
		s.awaitClose()
	})
	if _, err := a.Command(testContext(t), "stats", nil); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("junk: %v", err)
	}
	if _, err := a.Command(testContext(t), "stats", nil); !errors.Is(err, ErrClosed) {
		t.Errorf("behind it: %v", err)
	}
}

// TestAdminCommand_OddNames: arguments do not take the place of the command, and a reply
// that names less than was sent is still the reply.
func TestAdminCommand_OddNames(t *testing.T) {
	lines := make(chan string, 1)
	long := strings.Repeat("x", 300)
	a := admin(t, func(s *fakeConn) {
		lines <- s.line()
		s.send(`{"type":"reply","id":"admin","command":"stats","ok":true}` + "\n")
		s.line()
		s.send(`{"type":"reply","id":"admin","command":"` + long[:256] + `","ok":false}` + "\n")
		s.line()
		s.send(`{"type":"reply","id":"admin","command":"","ok":false}` + "\n")
	})
	_, err := a.Command(testContext(t), "stats", map[string]any{"type": "x", "command": "drain"})
	if line := <-lines; err != nil || line != `{"command":"stats","type":"command"}` {
		t.Errorf("%s: %v", line, err)
	}
	for range 2 {
		var refused *CommandError
		if _, err := a.Command(testContext(t), long, nil); !errors.As(err, &refused) {
			t.Errorf("error %v, want the refusal", err)
		}
	}
}
