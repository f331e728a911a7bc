package main

import (
	"bufio"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
)

const (
	topStats = `{"type":"reply","id":"admin","command":"stats","ok":true,"stats":{"version":"1.2",` +
		`"status":"ready","uptime_ms":61500,"active":3,"active_permits":4,"queued":2,"capacity":14,` +
		`"connections":2,"backends":[{"name":"local","adapter":"mock","ready":true,` +
		`"breaker":"open"}],"counters":{"requests":{"done":DONE},"rejected":{"queue_full":7},` +
		`"tokens":{"completion":800}}}}` + "\n"
	topConns = `{"type":"reply","id":"admin","command":"connections","ok":true,"connections":[` +
		`{"id":1,"peer":"unix:0:7","wire":"v1","age_ms":1500,"requests":9},` +
		`{"id":2,"peer":"unix:0:8","wire":"v1","age_ms":900,"running_request":"r\u001b[2J",` +
		`"pending_requests":1,"bytes_out":2048}],"closed":[]}` + "\n"
)

// topDaemon answers stats and connections, counting up by ten answers a time.
func topDaemon(t *testing.T) string {
	counts := []string{"100", "110", "120"}
	return fakeSocket(t, func(r *bufio.Reader, conn net.Conn) {
		_, _ = conn.Write([]byte(eventReady))
		for _, n := range counts {
			for _, reply := range []string{strings.Replace(topStats, "DONE", n, 1), topConns} {
				if _, err := r.ReadString('\n'); err != nil {
					return
				}
				_, _ = conn.Write([]byte(reply))
			}
		}
	})
}

func TestTopScreen(t *testing.T) {
	look := &looker{adminAddr: topDaemon(t)}
	defer look.close()
	first, err := look.take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	second, err := look.take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	second.at = first.at.Add(2 * time.Second)
	var m topModel
	m.see(first)
	m.see(second)
	screen := m.draw()
	for _, want := range []string{
		"1.2  ready  up 1m1s",
		"running  [###############.....] 3 of 4   waiting 2 of 10   connections 2",
		"a second 5 done  0 refused  0 failed  0 cancelled  0 tokens",
		"(mock) ready, breaker ",
		"2     unix:0:8  v1    900ms  0         1     r\uFFFD[2J    2.0 kB  0 B",
	} {
		if !strings.Contains(screen, want) {
			t.Errorf("the screen lacks %q:\n%s", want, screen)
		}
	}
	if strings.Index(screen, "unix:0:8") > strings.Index(screen, "unix:0:7") {
		t.Errorf("the busy connection is not first:\n%s", screen)
	}
	m.width, m.height = 20, 3
	for i, line := range strings.Split(m.draw(), "\n") {
		if i >= 3 || len([]rune(line)) > 40 { // styled, so longer than it looks
			t.Errorf("line %d does not fit: %q", i, line)
		}
	}
}

// TestTopUpdate drives the model as the program would.
func TestTopUpdate(t *testing.T) {
	gone := errors.New("the daemon is gone")
	var m tea.Model = topModel{
		every: time.Millisecond, look: func() (snapshot, error) { return snapshot{}, gone },
	}
	m, command := m.Update(tickMsg{})
	seen := command()
	m, command = m.Update(seen)
	if command == nil {
		t.Error("no further look after a failed one")
	}
	if screen := m.(topModel).draw(); !strings.Contains(screen, gone.Error()) {
		t.Errorf("the failure is not shown:\n%s", screen)
	}
	m, _ = m.Update(tea.WindowSizeMsg{Width: 80, Height: 24})
	if got := m.(topModel).height; got != 24 {
		t.Errorf("height %d after a resize", got)
	}
	_, command = m.Update(tea.KeyPressMsg{Code: 'q', Text: "q"})
	if command == nil {
		t.Fatal("q does nothing")
	}
	if _, quits := command().(tea.QuitMsg); !quits {
		t.Error("q does not quit")
	}
}

func TestTopNeedsATerminal(t *testing.T) {
	got := runWith(t, "", "top")
	if got.code != exitError || !strings.Contains(got.stderr, "top needs a terminal") {
		t.Errorf("%+v", got)
	}
}

func TestGauge(t *testing.T) {
	f := func(n, of int, want string) {
		t.Helper()
		if got := gauge(n, of); got != "["+want+"]" {
			t.Errorf("gauge(%d, %d) = %s", n, of, got)
		}
	}
	f(0, 8, strings.Repeat(".", 20))
	f(1, 1000, "#"+strings.Repeat(".", 19))
	f(8, 8, strings.Repeat("#", 20))
	f(9, 8, strings.Repeat("#", 20))
	f(1, 0, strings.Repeat(".", 20))
}
