package wire

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"inferd/tests/harness"
)

func TestPipeline_InOrder(t *testing.T) {
	t.Parallel()
	d := harness.StartMock(t, "--mock-tokens", "2", "--mock-token-delay", "1ms")
	c := d.Dial(t)
	var input strings.Builder
	for i := range 50 {
		input.WriteString(harness.Ask(fmt.Sprint(i)))
		input.WriteString(`{"id":"bad` + fmt.Sprint(i) + `","messages":[]}` + "\n")
	}
	c.Send(input.String())
	c.CloseWrite()
	for i := range 50 {
		id := fmt.Sprint(i)
		c.Expect(token(id, "t0"), token(id, "t1"), done(id, "t0t1", 2),
			refusal("bad"+id, "invalid_request", noMessages))
	}
	c.EOF()
}

// One connection never takes more than one place, however much it sends ahead.
func TestPipeline_TakesOnePlace(t *testing.T) {
	t.Parallel()
	d := harness.StartMock(t, "--active-permits", "1", "--queue-depth", "0",
		"--mock-tokens", "2", "--mock-token-delay", "1ms")
	c := d.Dial(t)
	c.Send(strings.Repeat(harness.Ask("r"), 20))
	for i := range 20 {
		if f := c.Last(); f.Outcome() != "done" {
			t.Fatalf("request %d: %+v", i, f)
		}
	}
}

func TestPipeline_EndsAtABadLineInItsTurn(t *testing.T) {
	t.Parallel()
	d := harness.StartMock(t, "--mock-tokens", "3", "--mock-token-delay", "20ms")
	c := d.Dial(t)
	c.Send(harness.Ask("1") + harness.Ask("2") + "{bad}\n" + harness.Ask("3"))
	for _, id := range []string{"1", "2"} {
		c.Expect(token(id, "t0"), token(id, "t1"), token(id, "t2"), done(id, "t0t1t2", 3))
	}
	if f := c.Frame(); f.ID != "" || f.Code != "invalid_request" {
		t.Errorf("frame %+v", f)
	}
	c.EOF()
}

// A client that sends far ahead without reading is slowed down, not cut off.
func TestPipeline_FarAhead(t *testing.T) {
	t.Parallel()
	const n = 5000
	d := harness.StartMock(t, "--max-pipeline-bytes", "64KiB", "--tcp", "127.0.0.1:0")
	for _, c := range []*harness.Conn{d.Dial(t), d.DialTCP(t)} {
		sent := make(chan error, 1)
		go func() {
			for i := range n {
				if err := c.TrySend(harness.Ask(fmt.Sprint(i))); err != nil {
					sent <- err
					return
				}
			}
			sent <- nil
		}()
		for i := range n {
			if f := c.Last(); f.Outcome() != "done" || f.ID != fmt.Sprint(i) {
				t.Fatalf("answer %d: %+v", i, f)
			}
		}
		if err := <-sent; err != nil {
			t.Error(err)
		}
	}
}

func TestHalfClose_IsAnswered(t *testing.T) {
	t.Parallel()
	d := harness.StartMock(t, "--mock-tokens", "4", "--mock-token-delay", "50ms",
		"--tcp", "127.0.0.1:0")
	f := func(input string, answers int) {
		t.Helper()
		for _, c := range []*harness.Conn{d.Dial(t), d.DialTCP(t)} {
			c.Send(input)
			c.CloseWrite()
			for range answers {
				if last := c.Last(); last.Outcome() != "done" || last.Content != "t0t1t2t3" {
					t.Errorf("%q: %+v", input, last)
				}
			}
			c.EOF()
			_ = c.Close()
		}
	}
	f(harness.Ask("r"), 1)
	f(strings.TrimSuffix(harness.Ask("r"), "\n"), 1)
	f(harness.Ask("1")+harness.Ask("2"), 2)
}

func TestHalfClose_WhileWaiting(t *testing.T) {
	t.Parallel()
	up := newUpstream(t)
	d := harness.Start(t, up.flags("--tcp", "127.0.0.1:0")...)
	first := d.Dial(t)
	first.Send(harness.Ask("first"))
	w := up.next(t)
	clients := []*harness.Conn{d.Dial(t), d.DialTCP(t)}
	for i, c := range clients {
		c.Send(harness.Ask("waiting"))
		c.CloseWrite()
		awaitLoad(t, d, 1, i+1)
	}
	w.finish("stop")
	for range clients {
		up.next(t).finish("stop")
	}
	for _, c := range clients {
		if f := c.Last(); f.ID != "waiting" || f.Outcome() != "done" {
			t.Errorf("frame %+v", f)
		}
		c.EOF()
	}
}

func TestHalfClose_BadTail(t *testing.T) {
	t.Parallel()
	d := harness.StartMock(t)
	c := d.Dial(t)
	c.Send(harness.Ask("r") + `{"id":"cut","mess`)
	c.CloseWrite()
	c.Expect(token("r", answer), done("r", answer, 1))
	if f := c.Frame(); f.ID != "" || f.Code != "invalid_request" {
		t.Errorf("frame %+v", f)
	}
	c.EOF()
}

func TestChurn_LeavesTheDaemonWell(t *testing.T) {
	t.Parallel()
	d := harness.StartMock(t, "--active-permits", "4", "--queue-depth", "100",
		"--mock-tokens", "64", "--mock-token-delay", "5ms", "--tcp", "127.0.0.1:0")
	tcp := d.TCP(t)
	each(t, 200, func(i int) error { // come and go without a word, or in the middle of one
		network, addr := "unix", d.Unix()
		if i%2 == 1 {
			network, addr = "tcp", tcp
		}
		c, err := net.Dial(network, addr)
		if err != nil {
			return err
		}
		if i%4 > 1 {
			if _, err := c.Write([]byte(`{"id":`)); err != nil {
				return err
			}
		}
		return c.Close()
	})
	each(t, 20, func(int) error { // leave in the middle of a stream
		c, err := harness.TryDial("unix", d.Unix())
		if err != nil {
			return err
		}
		defer c.Close()
		return c.TrySend(harness.Ask("gone"))
	})
	awaitLoad(t, d, 0, 0)
	served(t, d)
	if code := d.Stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestDeadlines(t *testing.T) {
	t.Parallel()
	d := harness.StartMock(t, "--line-timeout", "300ms", "--idle-timeout", "2s",
		"--mock-tokens", "4", "--mock-token-delay", "600ms", "--tcp", "127.0.0.1:0")
	closed := func(c *harness.Conn, reason string) {
		t.Helper()
		c.EOF() // and no frame before it
		d.AwaitEvent(t, "connection_closed", func(e harness.Event) bool {
			return e.String("reason") == reason
		})
	}
	begun := d.Dial(t)
	begun.Send(`{"id":"never`)
	closed(begun, "line_timeout")

	dribble := d.DialTCP(t)
	go func() { // a byte now and then is no progress
		for dribble.TrySend(" ") == nil {
			time.Sleep(20 * time.Millisecond)
		}
	}()
	if line, err := dribble.TryLine(); err == nil {
		t.Errorf("a frame for a client that dribbles: %s", line)
	}

	closed(d.Dial(t), "idle_timeout")

	// A request at work longer than either deadline is not touched.
	busy := d.Dial(t)
	busy.Send(harness.Ask("busy"))
	if f := busy.Last(); f.Outcome() != "done" {
		t.Errorf("frame %+v", f)
	}
}
