package wire

import (
	"strings"
	"testing"

	"inferd/tests/harness"
)

const maxLineBytes = 64 << 20

// lineOf is a request of exactly n bytes, newline not counted.
func lineOf(n int) string {
	const head, tail = `{"id":"big","messages":[{"role":"user","content":"`, `"}]}`
	return head + strings.Repeat("x", n-len(head)-len(tail)) + tail
}

func TestLimit_AtTheCap(t *testing.T) {
	t.Parallel()
	d := harness.StartMock(t)
	ends := []string{""} // the last line needs no newline
	if harness.Stress {
		ends = append(ends, "\n")
	}
	for _, end := range ends {
		c := d.Dial(t)
		c.Send(lineOf(maxLineBytes) + end)
		c.CloseWrite()
		c.Expect(token("big", answer), done("big", answer, 1))
		c.EOF()
		_ = c.Close()
	}
}

func TestLimit_OneByteMore(t *testing.T) {
	t.Parallel()
	d := harness.StartMock(t, "--tcp", "127.0.0.1:0")
	f := func(name string, c *harness.Conn, input string) {
		t.Helper()
		go func() { // the daemon may close while this is being sent
			_ = c.TrySend(input)
			for c.TrySend(strings.Repeat("x", 1<<20)) == nil {
			}
		}()
		if got := c.Line(); got != refusal("", "frame_too_large", tooLarge) {
			t.Errorf("%s: %s", name, got)
		}
		_ = c.Close()
	}
	f("a line with an end", d.Dial(t), lineOf(maxLineBytes+1)+"\n")
	f("one without", d.Dial(t), strings.Repeat(" ", maxLineBytes+1))
	f("over TCP", d.DialTCP(t), lineOf(maxLineBytes+1))
	served(t, d)
}

// The frame is not lost and the end is clean if the client stops at the cap.
func TestLimit_EndsWithAnEnd(t *testing.T) {
	t.Parallel()
	d := harness.StartMock(t)
	c := d.Dial(t)
	c.Send(strings.Repeat("x", maxLineBytes+1))
	c.Expect(refusal("", "frame_too_large", tooLarge))
	c.EOF()
	d.AwaitEvent(t, "request_oversized", nil)
}

// What was asked before the long line is answered.
func TestLimit_InItsTurn(t *testing.T) {
	t.Parallel()
	d := harness.StartMock(t, "--mock-token-delay", "50ms")
	c := d.Dial(t)
	go func() { _ = c.TrySend(harness.Ask("1") + strings.Repeat("x", maxLineBytes+1)) }()
	c.Expect(token("1", answer), done("1", answer, 1),
		refusal("", "frame_too_large", tooLarge))
}

func TestLimit_Connections(t *testing.T) {
	t.Parallel()
	d := harness.StartMock(t, "--max-connections", "3")
	var in []*harness.Conn
	for range 3 {
		c := d.Dial(t)
		c.Send(harness.Ask("in"))
		c.Last()
		in = append(in, c)
	}
	d.Dial(t).EOF()
	_ = in[0].Close()
	harness.Await(t, "room for one more", func() bool {
		c := d.Dial(t)
		defer c.Close()
		if c.TrySend(harness.Ask("next")) != nil {
			return false
		}
		f, err := c.TryLast()
		return err == nil && f.Outcome() == "done"
	})
}
