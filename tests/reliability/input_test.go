package reliability

import (
	"encoding/json"
	"io"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"inferd/internal/limits"
	"inferd/tests/harness"
	"inferd/tests/reliability/observe"
)

const goodLine = `{"id":"r","messages":[{"role":"user","content":"a \"b\" \u00e9 \ud83d\ude00"}],` +
	`"temperature":0.5,"top_k":3,"max_tokens":8,"stream":true}`

// mutate makes one to four random changes.
func mutate(r *rand.Rand, line []byte) []byte {
	const bytes = "{}[]\",:\\0123456789.eE+-truefalsn \x00\x01\x7f\xff\xc0\xed\xa0"
	for range 1 + r.IntN(4) {
		i := r.IntN(len(line))
		switch r.IntN(5) {
		case 0:
			line = append(line[:i], line[i+1:]...)
		case 1:
			line[i] = bytes[r.IntN(len(bytes))]
		case 2:
			line = append(line[:i], append([]byte{bytes[r.IntN(len(bytes))]}, line[i:]...)...)
		case 3:
			line = line[:i+1]
		case 4:
			line = append(line, line[i:]...)
		}
		if len(line) == 0 {
			return []byte("x")
		}
	}
	return line
}

// TestRow04_MalformedLines: mutated requests get one terminal frame each, an
// error if an independent decoder calls the line no JSON, and hurt nobody.
func TestRow04_MalformedLines(t *testing.T) {
	t.Parallel()
	n := size(4000, 1_000_000)
	d := harness.StartMock(t, "--active-permits", "8", "--queue-depth", "64", "--log-level", "off")
	path := d.Unix()
	began := time.Now()
	clients(t, 8, func(client int) error {
		r := rand.New(rand.NewPCG(4, uint64(client))) // the same every time
		var c *harness.Conn
		for range n / 8 {
			line := mutate(r, []byte(goodLine))
			if strings.ContainsAny(string(line), "\n") || strings.TrimSpace(string(line)) == "" {
				continue
			}
			if c == nil {
				var err error
				if c, err = harness.TryDial("unix", path); err != nil {
					return err
				}
			}
			if err := c.TrySend(string(line) + "\n"); err != nil {
				return err
			}
			f, err := c.TryLast()
			if err != nil {
				t.Errorf("%q: %v", line, err)
				return err
			}
			if !json.Valid(line) && (f.Outcome() != "invalid_request" || f.ID != "") {
				t.Errorf("no JSON, yet %s: %q", f.Outcome(), line)
			}
			if f.Outcome() == "invalid_request" && f.ID == "" {
				// Either it was no request, and the connection ends, or one with an
				// empty id and it goes on: a new connection serves both.
				_ = c.Close()
				c = nil
			}
		}
		return nil
	})
	t.Logf("%d lines in %v", n, time.Since(began).Round(time.Millisecond))
	answers(t, d)
	if s := observe.Dial(t, d).AwaitIdle(t); s.Counters.Panics != 0 {
		t.Errorf("%d panics", s.Counters.Panics)
	}
}

// TestRow04_EverySplitPoint: where the bytes are cut changes nothing.
func TestRow04_EverySplitPoint(t *testing.T) {
	t.Parallel()
	d := harness.StartMock(t, "--active-permits", "4", "--queue-depth", "100")
	stream := "  \n" + goodLine + "\r\n\n" + `{"id":"bad","messages":[]}` + "\n" + goodLine + "\n"
	var want string
	for cut := range len(stream) {
		c, err := net.Dial("unix", d.Unix())
		must(t, err)
		must(t, c.SetDeadline(time.Now().Add(opTimeout)))
		_, err = io.WriteString(c, stream[:cut])
		must(t, err)
		_, err = io.WriteString(c, stream[cut:])
		must(t, err)
		must(t, c.(*net.UnixConn).CloseWrite())
		got, err := io.ReadAll(c)
		must(t, err)
		_ = c.Close()
		if cut == 0 {
			if want = string(got); strings.Count(want, `"type":"done"`) != 2 {
				t.Fatalf("answers %s", want)
			}
		}
		if string(got) != want {
			t.Fatalf("cut at %d:\n%s\nwant\n%s", cut, got, want)
		}
	}
}

// leastInbound is the least total of input into which one line of the limit fits.
var leastInbound = []string{"--max-inbound-bytes", strconv.Itoa(limits.MinInboundBytes)}

// TestRow05_Sizes: a line of the limit, one byte more, one without end, and one
// nested deeper than any stack.
func TestRow05_Sizes(t *testing.T) {
	const limit = 64 << 20
	f := func(name, want string, send func(c *harness.Conn)) {
		t.Run(name, func(t *testing.T) {
			d := harness.StartMock(t, leastInbound...)
			answers(t, d)
			before := observe.RSS(t, d.PID)
			c := d.Dial(t)
			began := time.Now()
			send(c)
			if f := c.Last(); f.Outcome() != want {
				t.Errorf("%+v, want %s", f, want)
			}
			peak := (observe.RSS(t, d.PID) - before) >> 20
			t.Logf("%v, %d MiB more than before", time.Since(began).Round(time.Millisecond), peak)
			// The line and its copy, and what the collector has not come to yet.
			if peak > 3*limit>>20 && !harness.Race {
				t.Errorf("%d MiB for one line of 64", peak)
			}
			_ = c.Close()
			answers(t, d)
		})
	}
	line := func(n int) string {
		const head, tail = `{"messages":[{"role":"user","content":"`, `"}]}`
		return head + strings.Repeat("x", n-len(head)-len(tail)) + tail
	}
	f("the limit exactly", "done", func(c *harness.Conn) { c.Send(line(limit) + "\n") })
	f("one byte more", "frame_too_large", func(c *harness.Conn) {
		_ = c.TrySend(line(limit+1) + "\n") // the end may be refused
	})
	f("no newline for ever", "frame_too_large", func(c *harness.Conn) {
		part := strings.Repeat("x", 1<<20)
		for range 80 {
			if c.TrySend(part) != nil {
				return
			}
		}
	})
	f("nested 5 million deep", "invalid_request", func(c *harness.Conn) {
		c.Send(`{"messages":` + strings.Repeat("[", 5_000_000) + "\n")
	})
}

// TestRow05_TotalOfInput: many connections with unfinished lines share a limit.
func TestRow05_TotalOfInput(t *testing.T) {
	t.Parallel()
	d := harness.StartMock(t, leastInbound...)
	admin := observe.Dial(t, d)
	part := strings.Repeat("x", 8<<20)
	var refused int
	for range 12 {
		c := d.Dial(t)
		if c.TrySend(part) != nil {
			refused++
		}
		if s := admin.Stats(t); s.Inbound > limits.MinInboundBytes {
			t.Errorf("%d bytes of input are held", s.Inbound)
		}
	}
	s := admin.Await(t, "a refusal", func(s observe.Stats) bool {
		return s.Counters.Rejected["inbound_limit"] >= 4
	})
	t.Logf("%d of 12 connections were refused, %d bytes held", s.Counters.Rejected["inbound_limit"],
		s.Inbound)
	answers(t, d)
}

// TestRow06_Dribblers: clients that send a byte now and then are closed at the
// line deadline, and others do not notice them.
func TestRow06_Dribblers(t *testing.T) {
	n := size(300, 1000)
	d := harness.StartMock(t, "--line-timeout", "1s", "--metrics-addr", "127.0.0.1:0")
	admin := observe.Dial(t, d)
	all := dial(t, d, n)
	request := harness.Ask("dribbled")
	began := time.Now()
	var slowest time.Duration // of the bystanders
	for i := range 8 {        // more than a second
		for _, c := range all {
			_, _ = c.Write([]byte{request[i]}) // closed ones refuse it
		}
		slowest = max(slowest, answers(t, d))
		time.Sleep(200 * time.Millisecond)
	}
	for i, c := range all {
		if err := ended(c); err != nil {
			t.Fatalf("dribbler %d is still connected after %v", i, time.Since(began))
		}
	}
	harness.Await(t, "the reason of each", func() bool {
		const series = `inferd_connections_closed_total{reason="line_timeout"}`
		return observe.Scrape(t, d)[series] == float64(n)
	})
	admin.Await(t, "no input to be held", func(s observe.Stats) bool { return s.Inbound == 0 })
	t.Logf("%d dribblers closed within %v; a bystander waited %v at most", n,
		time.Since(began).Round(time.Millisecond), slowest.Round(time.Millisecond))
}

// TestRow06_Idle: the idle deadline closes who asks nothing and spares who is
// being answered.
func TestRow06_Idle(t *testing.T) {
	t.Parallel()
	d := harness.StartMock(t, "--idle-timeout", "1s", "--mock-tokens", "10",
		"--mock-token-delay", "200ms")
	busy := d.Dial(t)
	busy.Send(harness.Ask("r"))
	d.Dial(t).EOF()
	if f := busy.Last(); f.Outcome() != "done" {
		t.Errorf("%+v", f)
	}
	busy.EOF()
	for _, c := range observe.Dial(t, d).Command(t, "connections").Closed {
		if c.Reason != "idle_timeout" {
			t.Errorf("closed for %q", c.Reason)
		}
	}
}
