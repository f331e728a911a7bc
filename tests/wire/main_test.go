package wire

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"inferd/tests/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

// opTimeout only has to end a hanging test: the machine may be busy.
const opTimeout = 30 * time.Second

// ask is a request line with more members than harness.Ask, as JSON text.
func ask(id, more string) string {
	return fmt.Sprintf(`{"id":%q,"messages":[{"role":"user","content":"hi"}],%s}`+"\n", id, more)
}

// token, done and refusal are the daemon's frames, byte for byte.
func token(id, content string) string {
	return fmt.Sprintf(`{"type":"token","id":%q,"content":%q}`, id, content)
}

func done(id, content string, tokens int) string {
	return fmt.Sprintf(`{"type":"done","id":%q,"content":%q,"usage":{"prompt_tokens":0,`+
		`"completion_tokens":%d},"stop_reason":"end","backend":"mock"}`, id, content, tokens)
}

func refusal(id, code, message string) string {
	return fmt.Sprintf(`{"type":"error","id":%q,"code":%q,"message":%q}`, id, code, message)
}

const (
	brokeOff   = "backend ended stream without terminal frame"
	noBackend  = "no backend available"
	tooLarge   = "frame exceeds 67108864 byte cap"
	noMessages = "invalid request: messages must not be empty"
)

// served fails unless a fresh client gets its answer.
func served(t *testing.T, d *harness.Daemon) {
	t.Helper()
	c := d.Dial(t)
	defer c.Close()
	c.Send(harness.Ask("fresh"))
	if f := c.Last(); f.Outcome() != "done" {
		t.Fatalf("a fresh client gets %+v", f)
	}
}

// load asks the admin socket how many requests run and wait.
func load(t *testing.T, d *harness.Daemon) (active, queued int) {
	t.Helper()
	c := d.DialAdmin(t)
	defer c.Close()
	c.Send(`{"type":"command","command":"stats"}` + "\n")
	for {
		var reply struct {
			Type  string
			Stats struct{ Active, Queued int }
		}
		if err := json.Unmarshal([]byte(c.Line()), &reply); err != nil {
			t.Fatal(err)
		}
		if reply.Type == "reply" {
			return reply.Stats.Active, reply.Stats.Queued
		}
	}
}

// awaitLoad waits until that many requests run and wait.
func awaitLoad(t *testing.T, d *harness.Daemon, active, queued int) {
	t.Helper()
	harness.Await(t, fmt.Sprintf("%d requests running, %d waiting", active, queued), func() bool {
		a, q := load(t, d)
		return a == active && q == queued
	})
}

// texts joins the contents of the tokens among frames.
func texts(frames []harness.Frame) string {
	var b strings.Builder
	for _, f := range frames {
		if f.Type == "token" {
			b.WriteString(f.Content)
		}
	}
	return b.String()
}

// each runs f for 0 … n-1 at once and fails the test with the errors.
func each(t *testing.T, n int, f func(i int) error) {
	t.Helper()
	errs := make(chan error, n)
	for i := range n {
		go func() { errs <- f(i) }()
	}
	failed := 0
	for range n {
		if err := <-errs; err != nil {
			if failed++; failed <= 5 {
				t.Error(err)
			}
		}
	}
	if failed > 0 {
		t.Fatalf("%d of %d failed", failed, n)
	}
}
