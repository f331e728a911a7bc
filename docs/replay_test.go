package docs_test

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"inferd/tests/harness"
)

// replay is one example of a document: a conversation with a daemon.
//
//	<!-- replay: --mock-tokens 1 -->
//	```text
//	> {"id":"r1","messages":[…]}
//	< {"type":"token",…}
//	```
//
// The comment gives the daemon's flags (`replay tcp:` dials its TCP listener,
// `replay admin:` its admin socket). A line is CONNECTION, direction, text; the
// connection's name may be empty. Instead of a text may stand EOF, either way,
// and [N bytes]; [no newline] at its end leaves that out. `! SIGTERM` sends the
// daemon one.
type replay struct {
	socket string // "", tcp or admin
	flags  []string
	line   int // of the comment
	steps  []step
}

type step struct {
	line int
	conn string
	kind string // >, < or !
	text string
}

var (
	replayComment = regexp.MustCompile(`^<!-- replay ?(tcp|admin)?:(.*)-->$`)
	replayLine    = regexp.MustCompile(`^([a-z]*)([<>!]) (.*)$`)
	manyBytes     = regexp.MustCompile(`^\[(\d+) bytes\]$`)
)

// parseReplays finds the examples. A fenced block that looks like one but has no
// comment is an error: nobody would notice when it becomes wrong.
func parseReplays(t *testing.T, name, text string) []replay {
	t.Helper()
	var all []replay
	var pending *replay
	fenced := false
	for i, line := range strings.Split(text, "\n") {
		if m := replayComment.FindStringSubmatch(line); m != nil {
			pending = &replay{socket: m[1], flags: strings.Fields(m[2]), line: i + 1}
			continue
		}
		if strings.HasPrefix(line, "```") {
			if fenced && pending != nil {
				all = append(all, *pending)
				pending = nil
			}
			fenced = !fenced
			continue
		}
		m := replayLine.FindStringSubmatch(line)
		switch {
		case !fenced || m == nil:
			if fenced && pending != nil {
				t.Errorf("%s:%d: not a line of a conversation: %s", name, i+1, line)
			}
		case pending == nil:
			t.Errorf("%s:%d: an example without a replay comment", name, i+1)
		default:
			pending.steps = append(pending.steps,
				step{line: i + 1, conn: m[1], kind: m[2], text: m[3]})
		}
	}
	if pending != nil {
		t.Errorf("%s:%d: a replay comment without an example", name, pending.line)
	}
	return all
}

// play has the conversation with a real daemon.
func (r replay) play(t *testing.T, name string) {
	d := harness.StartMock(t, r.flags...)
	conns := map[string]*harness.Conn{}
	for _, s := range r.steps {
		if conns[s.conn] != nil {
			continue
		}
		switch r.socket {
		case "tcp":
			conns[s.conn] = d.DialTCP(t)
		case "admin":
			conns[s.conn] = d.DialAdmin(t)
		default:
			conns[s.conn] = d.Dial(t)
		}
	}
	outstanding := 0
	for i, s := range r.steps {
		turn := s.kind == "!" || i > 0 && r.steps[i-1].conn != s.conn
		if turn && outstanding > 0 && r.socket != "admin" {
			awaitAdmitted(t, d, outstanding)
		}
		t.Logf("%s:%d", name, s.line)
		c := conns[s.conn]
		switch {
		case s.kind == "!":
			d.Signal(t, syscall.SIGTERM)
		case s.kind == ">":
			s.play(c)
			if s.text != "EOF" {
				outstanding++
			}
		case s.text == "EOF":
			c.EOF()
		default:
			c.Expect(s.text)
			if !strings.Contains(s.text, `"type":"token"`) {
				outstanding--
			}
		}
	}
}

func (s step) play(c *harness.Conn) {
	switch m := manyBytes.FindStringSubmatch(s.text); {
	case s.text == "EOF":
		c.CloseWrite()
	case m != nil:
		n, _ := strconv.Atoi(m[1])
		c.Send(strings.Repeat("x", n))
	default:
		text, open := strings.CutSuffix(s.text, " [no newline]")
		if !open {
			text += "\n"
		}
		c.Send(text)
	}
}

// awaitAdmitted waits until the daemon holds n requests: what was sent on one
// connection has been read before another one speaks.
func awaitAdmitted(t *testing.T, d *harness.Daemon, n int) {
	t.Helper()
	admin := d.DialAdmin(t)
	defer admin.Close()
	for range 2000 {
		admin.Send(`{"type":"command","command":"stats"}` + "\n")
		var reply struct {
			Type  string
			Stats struct{ Active, Queued int }
		}
		for reply.Type != "reply" {
			if err := json.Unmarshal([]byte(admin.Line()), &reply); err != nil {
				t.Fatal(err)
			}
		}
		if reply.Stats.Active+reply.Stats.Queued == n {
			return
		}
		time.Sleep(5 * time.Millisecond) // another process: there is no event to wait for
	}
	t.Fatalf("the daemon never held %d requests", n)
}

// TestReplays holds the examples of the documents to a real daemon, byte for byte.
func TestReplays(t *testing.T) {
	for _, doc := range []struct {
		name  string
		least int
	}{{"protocol.md", 15}, {"operations.md", 2}} {
		all := parseReplays(t, doc.name, document(t, doc.name))
		if len(all) < doc.least {
			t.Errorf("%s has %d examples, want at least %d", doc.name, len(all), doc.least)
		}
		for _, r := range all {
			t.Run(doc.name+":"+strconv.Itoa(r.line), func(t *testing.T) { r.play(t, doc.name) })
		}
	}
}
