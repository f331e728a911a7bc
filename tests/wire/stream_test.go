package wire

import (
	"fmt"
	"strings"
	"testing"

	"inferd/tests/harness"
)

func TestStream_Examples(t *testing.T) {
	t.Parallel()
	d := harness.StartMock(t, "--mock-tokens", "3", "--tcp", "127.0.0.1:0")
	for _, c := range []*harness.Conn{d.Dial(t), d.DialTCP(t)} {
		c.Send(harness.Ask("r1"))
		c.Expect(token("r1", "t0"), token("r1", "t1"), token("r1", "t2"), done("r1", "t0t1t2", 3))

		// Without tokens the client gets the terminal frame alone.
		c.Send(ask("whole", `"stream":false`))
		c.Expect(done("whole", "t0t1t2", 3))

		c.Send(`{"id":"bad","messages":[],"stream":false}` + "\n" + ask("ok", `"stream":true`))
		c.Expect(refusal("bad", "invalid_request", noMessages),
			token("ok", "t0"), token("ok", "t1"), token("ok", "t2"), done("ok", "t0t1t2", 3))
		c.CloseWrite()
		c.EOF()
	}
}

func TestMock_Knobs(t *testing.T) {
	t.Parallel()
	f := func(flags string, want ...string) {
		t.Helper()
		d := harness.StartMock(t, strings.Fields(flags)...)
		c := d.Dial(t)
		c.Send(harness.Ask("r"))
		c.Expect(want...)
		c.CloseWrite()
		c.EOF()
		if code := d.Stop(t); code != 0 {
			t.Errorf("%s: exit code %d", flags, code)
		}
	}
	gone := refusal("r", "backend_unavailable", brokeOff)
	f("", token("r", answer), done("r", answer, 1))
	f("--mock-tokens 1", token("r", "t0"), done("r", "t0", 1))
	f("--mock-tokens 2 --mock-token-bytes 5",
		token("r", "t0..."), token("r", "t1..."), done("r", "t0...t1...", 2))
	f("--mock-tokens 2 --mock-token-bytes 1",
		token("r", "t"), token("r", "t"), done("r", "tt", 2))
	f("--mock-token-bytes 5", token("r", "mock-"), done("r", "mock-", 1))
	f("--mock-tokens 0", done("r", "", 0))
	f("--mock-tokens 0 --mock-drop-after 0", done("r", "", 0))
	f("--mock-tokens 2 --mock-token-delay 20ms",
		token("r", "t0"), token("r", "t1"), done("r", "t0t1", 2))
	f("--mock-tokens 3 --mock-drop-after 2", token("r", "t0"), token("r", "t1"), gone)
	f("--mock-tokens 3 --mock-drop-after 0", gone)
	f("--mock-tokens 3 --mock-drop-after 3",
		token("r", "t0"), token("r", "t1"), token("r", "t2"), done("r", "t0t1t2", 3))
	f("--mock-error not_ready", refusal("r", "backend_unavailable", "backend not ready"))
	f("--mock-error unavailable", refusal("r", "backend_unavailable", "mock"))
	f("--mock-error invalid_request", refusal("r", "invalid_request", "mock"))
}

func TestMock_BrokenOffWithoutStreaming(t *testing.T) {
	t.Parallel()
	d := harness.StartMock(t, "--mock-tokens", "3", "--mock-drop-after", "2")
	c := d.Dial(t)
	c.Send(ask("r", `"stream":false`))
	c.Expect(refusal("r", "backend_unavailable", brokeOff))
}

func TestStream_LongTokensAreWhole(t *testing.T) {
	t.Parallel()
	d := harness.StartMock(t, "--mock-tokens", "3", "--mock-token-bytes", "1MiB")
	c := d.Dial(t)
	c.Send(harness.Ask("r"))
	frames := c.Stream()
	if len(frames) != 4 || len(frames[2].Content) != 1<<20 || len(frames[3].Content) != 3<<20 {
		t.Errorf("%d frames", len(frames))
	}
}

func TestStream_TokensComeOneByOne(t *testing.T) {
	t.Parallel()
	// With an hour between tokens none can be waiting for the next one.
	up := newUpstream(t)
	d := harness.Start(t, up.flags()...)
	c := d.Dial(t)
	c.Send(harness.Ask("r"))
	work := up.next(t)
	for i := range 3 {
		text := fmt.Sprintf("piece %d ", i)
		work.say(text)
		if f := c.Frame(); f.Type != "token" || f.Content != text {
			t.Fatalf("frame %+v", f)
		}
	}
	work.finish("stop")
	if f := c.Frame(); f.Outcome() != "done" || f.Content != "piece 0 piece 1 piece 2 " {
		t.Errorf("frame %+v", f)
	}
}

func TestErrors_InvalidRequestsOpenNoBreaker(t *testing.T) {
	t.Parallel()
	d := harness.StartMock(t, "--mock-error", "invalid_request")
	c := d.Dial(t)
	for range 10 {
		c.Send(harness.Ask("r"))
		c.Expect(refusal("r", "invalid_request", "mock"))
	}
}

func TestBreaker_OpensAtTheThirdFailure(t *testing.T) {
	t.Parallel()
	f := func(flags string, before ...string) {
		t.Helper()
		d := harness.StartMock(t, strings.Fields(flags)...)
		c := d.Dial(t)
		for range 3 {
			c.Send(harness.Ask("r"))
			c.Expect(before...)
		}
		c.Send(harness.Ask("late"))
		c.Expect(refusal("late", "backend_unavailable", noBackend))
		// Other clients meet it too, and validation still comes first.
		other := d.Dial(t)
		other.Send(`{"id":"bad","messages":[]}` + "\n" + harness.Ask("late"))
		other.Expect(refusal("bad", "invalid_request", noMessages),
			refusal("late", "backend_unavailable", noBackend))
	}
	f("--mock-error unavailable", refusal("r", "backend_unavailable", "mock"))
	f("--mock-error not_ready", refusal("r", "backend_unavailable", "backend not ready"))
	f("--mock-tokens 2 --mock-drop-after 1",
		token("r", "t0"), refusal("r", "backend_unavailable", brokeOff))
}
