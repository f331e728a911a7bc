package codec

import (
	"strings"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// Nothing of one line may show in the next line's request.
func TestDecode_ReuseLeaksNothing(t *testing.T) {
	eachDecoder(t, func(t *testing.T, d *Decoder) {
		for _, before := range []string{
			fullRequest,
			`{"id":"secret",` + hi + `,"temperature":1e999,"grammar":"secret"}`, // fails late
			`{"id":"secret","messages":[{"role":"bot","content":"secret"}],"grammar":"secret"}`,
			`{"messages":[` + strings.Repeat(`{"role":"system","content":"secret"},`, 5000) +
				`{"role":"user","content":"secret"}]}`,
		} {
			for _, after := range []string{`{"messages":[]}`, `{` + hi + `}`} {
				_, _ = d.Decode(lineOf(before))
				got, err := d.Decode(lineOf(after))
				if err != nil {
					t.Fatal(err)
				}
				fresh, err := NewDecoder().Decode(lineOf(after))
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(fresh, got, cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("after %.80s (-fresh +reused):\n%s", before, diff)
				}
				for _, m := range got.Messages[len(got.Messages):cap(got.Messages)] {
					if m != (Message{}) {
						t.Errorf("after %.80s: %v is kept behind the messages", before, m)
					}
				}
			}
		}
	})
}

// A long conversation must not make the decoder large for ever.
func TestDecode_DropsLargeArrays(t *testing.T) {
	long := lineOf(`{"messages":[` + strings.Repeat(`{"role":"user","content":""},`, 100_000) +
		`{"role":"user","content":""}]}`)
	d := NewDecoder()
	r, err := d.Decode(long)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Messages) != 100_001 {
		t.Fatalf("%d messages; want 100001", len(r.Messages))
	}
	if r, err = d.Decode(lineOf(`{` + hi + `}`)); err != nil {
		t.Fatal(err)
	}
	if cap(r.Messages) > maxKeptMessages {
		t.Errorf("room for %d messages is kept; limit %d", cap(r.Messages), maxKeptMessages)
	}
}

// A library that gives up on a good string half way does no harm.
func TestDecode_OutlivesItsLibrary(t *testing.T) {
	d := &Decoder{unquote: func(dst []byte, s string) int {
		copy(dst, strings.Repeat("junk", len(s)))
		return -1
	}}
	for range 2 {
		r, err := d.Decode(lineOf(`{"id":"\u00fc","messages":[{"role":"us\u0065r","content":"a\nb\ud83d\ude00"}]}`))
		if err != nil {
			t.Fatal(err)
		}
		want := request(func(r *Request) { r.ID, r.Messages[0].Content = "ü", "a\nb😀" })
		if diff := cmp.Diff(want, r); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

// Strings with escapes outlive the memory that they were the first in, and no more of
// it is kept than the limit.
func TestDecode_EscapedTexts(t *testing.T) {
	eachDecoder(t, func(t *testing.T, d *Decoder) {
		for _, n := range []int{1, 300, 2000, 100_000, 3} {
			text := strings.Repeat(`\tx`, n)
			line := `{"id":"` + text + `","grammar":"\\","messages":[{"role":"user","content":"` + text + `!"}]}`
			r, err := d.Decode(lineOf(line))
			if err != nil {
				t.Fatal(err)
			}
			want := strings.Repeat("\tx", n)
			if r.ID != want || r.Grammar != `\` || r.Messages[0].Content != want+"!" {
				t.Errorf("%d escapes come out wrong: id %.20q, grammar %q", n, r.ID, r.Grammar)
			}
		}
		if cap(d.text) > maxKeptText {
			t.Errorf("%d bytes are kept; limit %d", cap(d.text), maxKeptText)
		}
	})
}

// A line without a byte behind it is copied to where there is one.
func TestPadded(t *testing.T) {
	f := func(line []byte, moved bool) {
		t.Helper()
		got := padded(line)
		if string(got) != string(line) || cap(got) == len(got) {
			t.Errorf("padded(%q) = %q with room for %d", line, got, cap(got)-len(got))
		}
		if (&got[:1][0] != &line[:1][0]) != moved {
			t.Errorf("padded(%q): moved %v; want %v", line, !moved, moved)
		}
	}
	f([]byte("{}\n")[:2], false)
	f([]byte("{}\n")[:2:2], true)
}

// What a Request keeps of its line: the strings without escapes, in place, and no
// role.
func TestDecode_Aliases(t *testing.T) {
	line := lineOf(`{"id":"r1","messages":[{"role":"user","content":"plain"},` +
		`{"role":"syst\u0065m","content":"a\nb"}],"grammar":"g"}`)
	r, err := NewDecoder().Decode(line)
	if err != nil {
		t.Fatal(err)
	}
	f := func(s string, want bool) {
		t.Helper()
		if got := within(s, line); got != want {
			t.Errorf("%q lies in the line: %v; want %v", s, got, want)
		}
	}
	f(r.Messages[0].Role, false)
	f(r.Messages[1].Role, false)
	f(r.Messages[1].Content, false)
	f(r.ID, true)
	f(r.Messages[0].Content, true)
	f(r.Grammar, true)
}

// within tells whether s lies in buf.
func within(s string, buf []byte) bool {
	from := uintptr(unsafe.Pointer(unsafe.SliceData(buf)))
	at := uintptr(unsafe.Pointer(unsafe.StringData(s)))
	return at >= from && at+uintptr(len(s)) <= from+uintptr(cap(buf))
}

func TestMoveTo(t *testing.T) {
	const text = `{"id":"r1","messages":[{"role":"user","content":"plain"},` +
		`{"role":"assistant","content":"esc\naped"},{"role":"system","content":""}],` +
		`"grammar":"g","top_k":7,"image_token_budget":70}`
	want := request(func(r *Request) {
		r.ID, r.Grammar, r.TopK = "r1", "g", 7
		r.ImageTokenBudget, r.HasImageTokenBudget = 70, true
		r.Messages = []Message{{"user", "plain"}, {"assistant", "esc\naped"}, {"system", ""}}
	})
	eachDecoder(t, func(t *testing.T, d *Decoder) {
		f := func(buf []byte) {
			t.Helper()
			line := lineOf(text)
			r, err := d.Decode(line)
			if err != nil {
				t.Fatal(err)
			}
			buf = r.MoveTo(buf)
			if len(buf) != len("r1plainesc\napedg") {
				t.Errorf("buf holds %q", buf)
			}
			for i := range line { // the line's buffer is overwritten
				line[i] = '!'
			}
			if diff := cmp.Diff(want, r); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			id, first, second := r.ID, r.Messages[0].Content, r.Messages[1].Content
			// The decoder goes on; what was taken from the request stays.
			if _, err := d.Decode(lineOf(fullRequest)); err != nil {
				t.Fatal(err)
			}
			if id != "r1" || first != "plain" || second != "esc\naped" {
				t.Errorf("now %q, %q, %q", id, first, second)
			}
			for _, s := range []string{id, first, second} {
				if !within(s, buf) {
					t.Errorf("%q is not in buf", s)
				}
			}
		}
		f(nil)
		f(make([]byte, 3, 1000))
		f([]byte("too small"))
	})
}
