package activity

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"strings"
	"testing"
	"testing/slogtest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// memory is an output that keeps what it gets.
type memory struct{ bytes.Buffer }

func (m *memory) write(lines []byte) (int, error) { return m.Write(lines) }

func (m *memory) close() error { return nil }

// TestSlogContract runs the standard library's handler tests. They expect
// nested groups and the key "time"; the log has dotted keys and "t".
func TestSlogContract(t *testing.T) {
	var m *memory
	var l *Log
	slogtest.Run(t, func(t *testing.T) slog.Handler {
		m = &memory{}
		l = &Log{level: new(slog.LevelVar), file: newSink(m, minBufferBytes, 0)}
		go l.file.run()
		return l.Handler()
	}, func(t *testing.T) map[string]any {
		mustClose(t, l)
		flat := map[string]any{}
		if err := json.Unmarshal(m.Bytes(), &flat); err != nil {
			t.Fatal(err)
		}
		nested := map[string]any{}
		for k, v := range flat {
			if k == "t" {
				k = slog.TimeKey
			}
			at := nested
			for group, rest, ok := strings.Cut(k, "."); ok; group, rest, ok = strings.Cut(k, ".") {
				if at[group] == nil {
					at[group] = map[string]any{}
				}
				at, k = at[group].(map[string]any), rest
			}
			at[k] = v
		}
		return nested
	})
}

// TestHandlerShortensLongValues: of a value that is too long for the line as
// much is kept as fits, and no other value goes for it.
func TestHandlerShortensLongValues(t *testing.T) {
	f := func(attrs map[string]any, want map[string]int) {
		t.Helper()
		var args []any
		for k, v := range attrs {
			args = append(args, k, v)
		}
		got := written(t, func(l *Log) { l.Logger("a").Error("reload failed", args...) })
		if len(got) > maxLineBytes {
			t.Errorf("a line of %d bytes, limit %d", len(got), maxLineBytes)
		}
		var m map[string]any
		if err := json.Unmarshal([]byte(got), &m); err != nil {
			t.Fatalf("%v: %s", err, got)
		}
		for k, atLeast := range want {
			s, _ := m[k].(string)
			if whole, _ := attrs[k].(string); len(s) < atLeast || !strings.HasPrefix(whole, s) {
				t.Errorf("%s has %d bytes, want the first %d or more of %d",
					k, len(s), atLeast, len(whole))
			}
		}
		if n, ok := attrs["n"]; ok && m["n"] != n {
			t.Errorf("n is %v, want %v", m["n"], n)
		}
		if m["truncated"] != true {
			t.Errorf("truncated is %v", m["truncated"])
		}
	}
	long := strings.Repeat("x", 4000)
	f(map[string]any{"error": long, "path": long, "stack": long, "n": 7.5},
		map[string]int{"error": 2600, "path": 2600, "stack": 2600})
	f(map[string]any{"error": long, "name": "b", "path": long, "z": long[:2000]},
		map[string]int{"error": 2900, "name": 1, "path": 2900, "z": 2000})
	for i := range 6 { // cut at every place within a character and an escape
		pad := strings.Repeat("x", i)
		f(map[string]any{"error": pad + strings.Repeat("\x01", 4000)}, map[string]int{"error": 1300})
		f(map[string]any{"error": pad + strings.Repeat("\n", 4000), "p": long},
			map[string]int{"error": 1900, "p": 3900})
		f(map[string]any{"error": pad + strings.Repeat("€", 1300), "p": long, "q": long},
			map[string]int{"error": 2600, "p": 2600, "q": 2600})
	}
}

type panics struct{}

func (panics) MarshalText() ([]byte, error) { panic("boom") }

func TestHandlerLines(t *testing.T) {
	const at = `"t":"2000-01-01T00:00:00.123456+00:00"`
	f := func(call func(l *Log), want string) {
		t.Helper()
		if diff := cmp.Diff(want+"\n", written(t, call)); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	}
	f(func(l *Log) { l.Logger("loop").Info("tcp listener bound", "addr", "127.0.0.1:4") },
		`{"addr":"127.0.0.1:4","component":"loop","level":"info","msg":"tcp listener bound",`+at+`}`)
	f(func(l *Log) { slog.New(l.Handler()).Warn("x") },
		`{"component":"daemon","level":"warn","msg":"x",`+at+`}`)
	f(func(l *Log) {
		l.Logger("a").WithGroup("g").With("k", 1).Error("x",
			"err", errors.New(`said "no"`), "d", time.Second, "nan", math.NaN(), "p", panics{},
			"nil", nil, "list", []string{"a", "b"}, "f", 1.5, "b", true)
	}, `{"component":"a","g.b":true,"g.d":"1s","g.err":"said \"no\"","g.f":1.5,"g.k":1,`+
		`"g.list":"[a b]","g.nan":"NaN","g.nil":"<nil>","g.p":"!PANIC: boom","level":"error",`+
		`"msg":"x",`+at+`}`)
	f(func(l *Log) { l.Logger("a").Info("x", "level", "debug", "t", 1, "msg", "y", "n", 1, "n", 2) },
		`{"attr_level":"debug","attr_msg":"y","attr_t":1,"component":"a","level":"info","msg":"x",`+
			`"n":2,`+at+`}`)
}

func TestHandlerCutsLongLines(t *testing.T) {
	args := make([]any, 0, 200)
	for i := range 100 {
		args = append(args, strings.Repeat("k", 10)+string(rune('0'+i%10))+string(rune('0'+i/10)))
		args = append(args, strings.Repeat("\x01", 5000))
	}
	got := written(t, func(l *Log) {
		l.Logger("a").Info(strings.Repeat("\x02", 5000), args...)
	})
	if len(got) > maxLineBytes {
		t.Errorf("a line of %d bytes, limit %d", len(got), maxLineBytes)
	}
	var m map[string]any
	if err := json.Unmarshal([]byte(got), &m); err != nil {
		t.Fatal(err)
	}
	if m["truncated"] != true || m["component"] != "a" || len(m["msg"].(string)) != maxMessageBytes {
		t.Errorf("line lost its own keys: %d keys, truncated %v", len(m), m["truncated"])
	}
}

func TestHumanLines(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := string(appendHuman(nil, []byte(in), false)); got != want+"\n" {
			t.Errorf("appendHuman(%s)\n got %swant %s", in, got, want)
		}
	}
	const at = `"t":"2026-05-21T10:00:00.123456+00:00"`
	const day = "2026-05-21T10:00:00.123Z "
	f(`{"addr":"127.0.0.1:4","component":"daemon","level":"info","msg":"tcp listener bound",`+at+`}`,
		day+"INFO  tcp listener bound addr=127.0.0.1:4")
	f(`{"component":"loop","b":2,"a":"two words","level":"error","msg":"x",`+at+`}`,
		day+`ERROR loop: x a="two words" b=2`)
	f(`{"component":"daemon","e":"","n":12345678901234567890,"level":"warn","msg":"x",`+at+`}`,
		day+`WARN  x e="" n=12345678901234567890`)
	f(`{"component":"daemon","id":"\u001b[2J","level":"warn","msg":"a\nb\u001bc",`+at+`}`,
		day+`WARN  a\nb\x1bc id="\x1b[2J"`)
	for level, priority := range map[string]string{"debug": "<7>", "info": "<6>", "warn": "<4>", "error": "<3>"} {
		line := `{"component":"daemon","level":"` + level + `","msg":"m","k":1,"t":"2026-05-21T10:00:00.123Z"}`
		if got, want := string(appendHuman(nil, []byte(line), true)), priority+"m k=1\n"; got != want {
			t.Errorf("for the journal: %q, want %q", got, want)
		}
	}
	if got := string(appendHuman(nil, []byte("not JSON\n"), false)); got != "not JSON\n" {
		t.Errorf("foreign line became %q", got)
	}
}
