//go:build !race && !stdjson && amd64

package codec

import (
	"strings"
	"testing"
)

// The promise of no allocations is for sonic on amd64; elsewhere a decode costs
// a few. The race detector allocates on its own.
func TestAllocations(t *testing.T) {
	f := func(what string, run func()) {
		t.Helper()
		run() // grow what is to be reused
		if n := testing.AllocsPerRun(200, run); n != 0 {
			t.Errorf("%s: %v allocations; want none", what, n)
		}
	}

	d, fd := NewDecoder(), NewFrameDecoder()
	var buf []byte
	decode := func(s string) func() {
		line := lineOf(s)
		return func() {
			r, err := d.Decode(line)
			if err != nil {
				t.Fatal(err)
			}
			if err := r.Validate(); err != nil {
				t.Fatal(err)
			}
			buf = r.MoveTo(buf)
		}
	}
	f("decode and move a small request", decode(`{"id":"r1",`+hi+`}`))
	f("decode and move a full request", decode(fullRequest))
	f("decode and move escapes", decode(`{"id":"\u00fc","messages":[{"role":"user","content":"`+
		strings.Repeat(`line\n`, 1000)+`"}]}`))
	f("decode and move 1 MiB", decode(`{"messages":[{"role":"user","content":"`+
		strings.Repeat("text ", 1<<20/5)+`"}]}`))
	f("decode and move 500 messages", decode(`{"messages":[`+
		strings.Repeat(`{"role":"user","content":"x"},`, 499)+`{"role":"user","content":"x"}]}`))

	refuse := func(s string) func() {
		line := lineOf(s)
		return func() {
			if _, err := d.Decode(line); err == nil {
				t.Fatalf("%s passes", s)
			}
		}
	}
	f("refuse garbage", refuse(`{not json}`))
	f("refuse an unknown role", refuse(`{"messages":[{"role":"bot","content":""}]}`))
	f("refuse a repeated key", refuse(`{`+hi+`,`+hi+`}`))

	id := AppendQuoted(nil, "r1")
	var a Answer
	out := make([]byte, 0, 4096)
	f("escape", func() { out = AppendEscaped(out[:0], []byte("é\"\n\xff")) })
	f("quote", func() { out = AppendQuoted(out[:0], "id") })
	f("answer", func() {
		a.Trim(1 << 10)
		a.Begin("r1")
		for range 4 {
			a.Token([]byte(" the"))
			a.Token([]byte(" \"end\"\n"))
		}
		a.Done(Usage{1, 8}, "end", "mock")
	})
	f("error", func() { out = AppendError(out[:0], id, Internal, "oh") })
	f("queue_full", func() { out = AppendQueueFull(out[:0], id, 100, 1, 1) })

	token := tokenFrame("r1", "alpha ")
	f("decode a frame", func() {
		if _, err := fd.Decode(token[:len(token)-1]); err != nil {
			t.Fatal(err)
		}
	})
}
