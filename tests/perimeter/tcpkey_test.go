package perimeter

import (
	"encoding/json"
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"inferd/tests/harness"
	"inferd/tests/reliability/observe"
)

const key = "correct-horse-battery"

func auth(t *testing.T, key string) string {
	t.Helper()
	line, err := json.Marshal(map[string]any{"type": "auth", "key": key, "more": 1})
	must(t, err)
	return string(line) + "\n"
}

// closedSilently fails unless the daemon ends the connection without a byte.
func closedSilently(t *testing.T, c *harness.Conn) {
	t.Helper()
	if line, err := c.TryLine(); line != "" || err == nil ||
		strings.Contains(err.Error(), "timeout") || strings.Contains(err.Error(), "behind") {
		t.Errorf("got %q, %v; want the end and nothing else", line, err)
	}
}

// TestRow21_TCPKey: with the right key a connection is served; with anything
// else it is closed without a word.
func TestRow21_TCPKey(t *testing.T) {
	t.Parallel()
	d := harness.StartMock(t, "--tcp", "127.0.0.1:0", "--api-key", key, "--auth-timeout", "500ms",
		"--metrics-addr", "127.0.0.1:0")
	// Its deadline is so late that what it closes it closes for what was sent.
	patient := harness.StartMock(t, "--tcp", "127.0.0.1:0", "--api-key", key,
		"--auth-timeout", "1h", "--metrics-addr", "127.0.0.1:0")
	good := func(name, first string) {
		t.Run(name, func(t *testing.T) {
			c := patient.DialTCP(t)
			c.Send(first)
			if f := c.Last(); f.Outcome() != "done" {
				t.Errorf("%+v", f)
			}
			c.Send(harness.Ask("again"))
			if f := c.Last(); f.Outcome() != "done" {
				t.Errorf("%+v", f)
			}
		})
	}
	good("in one packet", auth(t, key)+harness.Ask("r"))
	good("other order", `{"key":"`+key+`","type":"auth"}`+"\n"+harness.Ask("r"))
	t.Run("byte by byte", func(t *testing.T) {
		c := patient.DialTCP(t)
		for _, b := range []byte(auth(t, key) + harness.Ask("r")) {
			c.Send(string([]byte{b}))
		}
		if f := c.Last(); f.Outcome() != "done" {
			t.Errorf("%+v", f)
		}
	})

	rejected := 0
	bad := func(name, first string) {
		rejected++
		t.Run(name, func(t *testing.T) {
			c := patient.DialTCP(t)
			// The daemon may close while this is written.
			if err := c.TrySend(first); err != nil && !errors.Is(err, syscall.EPIPE) &&
				!errors.Is(err, syscall.ECONNRESET) {
				t.Fatal(err)
			}
			closedSilently(t, c)
		})
	}
	bad("wrong", auth(t, "wrong")+harness.Ask("r"))
	bad("prefix", auth(t, key[:len(key)-1])+harness.Ask("r"))
	bad("longer", auth(t, key+"x")+harness.Ask("r"))
	bad("empty", auth(t, "")+harness.Ask("r"))
	bad("none", harness.Ask("r"))
	bad("not JSON", "nonsense\n")
	bad("other type", `{"type":"hello","key":"`+key+`"}`+"\n")
	bad("key is a number", `{"type":"auth","key":1}`+"\n")
	bad("a browser", "POST /v1 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"+harness.Ask("r"))
	bad("oversize", `{"type":"auth","x":"`+strings.Repeat("x", 5<<10)+`","key":"`+key+`"}`+"\n")
	bad("oversize without end", strings.Repeat("x", 5<<10))
	bad("blank", "\n"+auth(t, "wrong"))

	rejected++
	t.Run("unterminated", func(t *testing.T) {
		c := patient.DialTCP(t)
		c.Send(strings.TrimSuffix(auth(t, key), "\n"))
		c.CloseWrite()
		closedSilently(t, c)
	})
	t.Run("late", func(t *testing.T) {
		began := time.Now()
		closedSilently(t, d.DialTCP(t))
		if took := time.Since(began); took < 500*time.Millisecond {
			t.Errorf("closed behind %v already", took)
		}
	})
	t.Run("dribbled", func(t *testing.T) {
		c := d.DialTCP(t)
		began := time.Now()
		for err := error(nil); err == nil; err = c.TrySend(" ") {
			time.Sleep(50 * time.Millisecond)
			if time.Since(began) > opTimeout {
				t.Fatal("a client that dribbles is never closed")
			}
		}
	})
	t.Run("the Unix socket never asks", func(t *testing.T) {
		c := d.Dial(t)
		c.Send(harness.Ask("r"))
		if f := c.Last(); f.Outcome() != "done" {
			t.Errorf("%+v", f)
		}
	})

	d.AwaitEvent(t, "tcp_auth_rejected", func(e harness.Event) bool {
		return strings.HasPrefix(e.String("peer"), "tcp:127.0.0.1:") && e.String("level") == "warn"
	})
	const series = `inferd_rejected_total{reason="auth_failed"}`
	harness.Await(t, "every refusal to be counted once", func() bool {
		return observe.Scrape(t, patient)[series] == float64(rejected) &&
			observe.Scrape(t, d)[series] == 2 // late, dribbled
	})
	if strings.Contains(read(t, d.Activity()), key) {
		t.Error("the key is in the log")
	}
}

// TestRow21_BrowserOnPlainTCP: without a key an HTTP request is no request.
func TestRow21_BrowserOnPlainTCP(t *testing.T) {
	t.Parallel()
	d := harness.StartMock(t, "--tcp", "127.0.0.1:0")
	c := d.DialTCP(t)
	c.Send("POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\n\r\n" + harness.Ask("r"))
	if f := c.Frame(); f.Outcome() != "invalid_request" || f.ID != "" {
		t.Errorf("%+v", f)
	}
	c.EOF()
	if n := observe.Dial(t, d).Stats(t).Counters.Requests["done"]; n != 0 {
		t.Errorf("%d requests of a browser were answered", n)
	}
}
