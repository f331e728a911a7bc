package harness

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// output collects a daemon's stderr and wakes who waits for a line of it.
type output struct {
	mu    sync.Mutex
	lines []string
	rest  []byte
	more  chan struct{} // closed and replaced at every write
}

func newOutput() *output { return &output{more: make(chan struct{})} }

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.rest = append(o.rest, p...)
	for {
		line, rest, ok := bytes.Cut(o.rest, []byte{'\n'})
		if !ok {
			break
		}
		o.lines = append(o.lines, string(line))
		o.rest = rest
	}
	close(o.more)
	o.more = make(chan struct{})
	return len(p), nil
}

func (o *output) get() (lines []string, more <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.lines[:len(o.lines):len(o.lines)], o.more
}

// Log is what the daemon has written to stderr so far.
func (d *Daemon) Log() []string {
	lines, _ := d.stderr.get()
	return lines
}

// AwaitLog waits for a line of stderr that contains substr and returns it.
func (d *Daemon) AwaitLog(t testing.TB, substr string) string {
	t.Helper()
	deadline := time.After(opTimeout)
	for {
		lines, more := d.stderr.get()
		for _, l := range lines {
			if strings.Contains(l, substr) {
				return l
			}
		}
		select {
		case <-more:
		case <-deadline:
			t.Fatalf("no line with %q on stderr", substr)
		}
	}
}

// Event is a line of the activity log.
type Event map[string]any

// Msg names the event.
func (e Event) Msg() string { return e.String("msg") }

// String is the value of a key, or "".
func (e Event) String(key string) string { s, _ := e[key].(string); return s }

// Number is the value of a key, or 0.
func (e Event) Number(key string) float64 { f, _ := e[key].(float64); return f }

// ActivityLog parses the complete lines that the activity log has so far.
func (d *Daemon) ActivityLog(t testing.TB) []Event {
	t.Helper()
	data, err := os.ReadFile(d.Activity())
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	var events []Event
	for {
		line, rest, ok := bytes.Cut(data, []byte{'\n'})
		if !ok {
			return events
		}
		var e Event
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatalf("activity log: %v in %q", err, line)
		}
		events = append(events, e)
		data = rest
	}
}

// AwaitEvent waits for an event of that name that ok accepts; nil accepts all.
func (d *Daemon) AwaitEvent(t testing.TB, msg string, ok func(Event) bool) Event {
	t.Helper()
	var found Event
	Await(t, fmt.Sprintf("an event %q in the activity log", msg), func() bool {
		for _, e := range d.ActivityLog(t) {
			if e.Msg() == msg && (ok == nil || ok(e)) {
				found = e
				return true
			}
		}
		return false
	})
	return found
}

// Await waits for what another process does, of which this one gets no event: it looks
// again and again.
func Await(t testing.TB, what string, ok func() bool) {
	t.Helper()
	timeout, tick := time.After(opTimeout), time.NewTicker(pollEvery)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-timeout:
			t.Fatalf("waiting for %s", what)
		}
	}
}
