package observe

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"inferd/tests/harness"
)

// opTimeout only has to end a hanging test: the machine may be busy.
const opTimeout = 30 * time.Second

// Stats are those members of the stats reply that tests read.
type Stats struct {
	Status      string
	Active      int
	Queued      int
	Capacity    int
	Permits     int `json:"active_permits"`
	Connections int
	Refused     uint64 `json:"connections_refused"`
	Inbound     int64  `json:"inbound_bytes"`
	LogDropped  uint64 `json:"log_dropped"`
	Backends    []struct {
		Name, Breaker string
		Ready         bool
	}
	Counters struct {
		Requests map[string]uint64
		Rejected map[string]uint64
		DrainCut uint64 `json:"drain_cut"`
		Panics   uint64
	}
}

// Conn is one entry of the connections reply.
type Conn struct {
	ID                 uint64
	Peer               string
	Wire               string
	AgeMS              int64  `json:"age_ms"`
	BytesIn            uint64 `json:"bytes_in"`
	BytesOut           uint64 `json:"bytes_out"`
	RunningRequest     string `json:"running_request"`
	Requests           uint64
	PendingRequests    int `json:"pending_requests"`
	PendingOutputBytes int `json:"pending_output_bytes"`
}

// Closed is one entry of the ring of closed connections.
type Closed struct {
	ID     uint64
	Peer   string
	Reason string
	At     time.Time
}

// Reply is the answer to any command.
type Reply struct {
	Type        string
	Command     string
	OK          bool
	Error       string
	Level       string
	Stats       Stats
	Connections []Conn
	Closed      []Closed
}

// Admin is a connection to the admin socket that sends commands.
type Admin struct{ *harness.Conn }

// Dial connects to the admin socket of d.
func Dial(t testing.TB, d *harness.Daemon) *Admin {
	t.Helper()
	return &Admin{d.DialAdmin(t)}
}

// TryCommand sends the line and returns the reply, skipping events.
func (a *Admin) TryCommand(line string) (Reply, error) {
	if err := a.TrySend(line + "\n"); err != nil {
		return Reply{}, err
	}
	for {
		text, err := a.TryLine()
		if err != nil {
			return Reply{}, fmt.Errorf("reply to %s: %w", line, err)
		}
		var r Reply
		if err := json.Unmarshal([]byte(text), &r); err != nil {
			return r, fmt.Errorf("%w in %s", err, text)
		}
		if r.Type == "reply" {
			return r, nil
		}
	}
}

// Command sends a command without arguments, which must succeed.
func (a *Admin) Command(t testing.TB, name string) Reply {
	t.Helper()
	r, err := a.TryCommand(`{"type":"command","command":"` + name + `"}`)
	if err != nil {
		t.Fatal(err)
	}
	if !r.OK || r.Command != name {
		t.Fatalf("command %s: %+v", name, r)
	}
	return r
}

// Stats are the daemon's numbers now.
func (a *Admin) Stats(t testing.TB) Stats { t.Helper(); return a.Command(t, "stats").Stats }

// Await waits until the stats are as ok wants them.
func (a *Admin) Await(t testing.TB, what string, ok func(Stats) bool) Stats {
	t.Helper()
	var s Stats
	defer func() {
		if t.Failed() {
			t.Logf("the last stats: %+v", s)
		}
	}()
	harness.Await(t, what, func() bool { s = a.Stats(t); return ok(s) })
	return s
}

// AwaitIdle waits until no request is in the daemon.
func (a *Admin) AwaitIdle(t testing.TB) Stats {
	t.Helper()
	return a.Await(t, "the last request's end", func(s Stats) bool { return s.Active+s.Queued == 0 })
}
