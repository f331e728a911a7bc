package codec

import (
	"encoding/binary"
	"encoding/json"
	"math/bits"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestAppendEscaped(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		if got := string(AppendEscaped([]byte("<"), []byte(text))); got != "<"+want {
			t.Errorf("AppendEscaped(%q) = %s; want <%s", text, got, want)
		}
		if got := string(AppendQuoted(nil, text)); got != `"`+want+`"` {
			t.Errorf("AppendQuoted(%q) = %s; want \"%s\"", text, got, want)
		}
	}
	f("", "")
	f("alpha ", "alpha ")
	f(`"`, `\"`)
	f(`\`, `\\`)
	f("\b\f\n\r\t", `\b\f\n\r\t`)
	f("\x00\x01\x0b\x1e\x1f", `\u0000\u0001\u000b\u001e\u001f`)
	f("/<>&'\x7f", "/<>&'\x7f")
	f("é€😀\u2028\u2029\ufeff", "é€😀\u2028\u2029\ufeff")
	f("a\xffb", "a\uFFFDb")
	f("\xff\xfe", "\uFFFD\uFFFD")
	f("\xe2\x82", "\uFFFD\uFFFD")           // cut short
	f("\xed\xa0\x80", "\uFFFD\uFFFD\uFFFD") // a surrogate
	f("\uFFFD", "\uFFFD")                   // itself, valid
	f("12345678\"12345678\n", `12345678\"12345678\n`)
	long := strings.Repeat("x", 1000)
	f(long, long)
	f(long+"\n"+long+"é\xff", long+`\n`+long+"é\uFFFD")

	// Every byte at every place of a word and around.
	for c := range 256 {
		for at := range 20 {
			text := strings.Repeat("x", at) + string([]byte{byte(c)}) + strings.Repeat("y", 20-at)
			checkEscaped(t, []byte(text))
		}
	}
}

// Every byte, at every place of a word, after bytes of every kind.
func TestSpecial(t *testing.T) {
	for c := range 256 {
		isSpecial := c < 0x20 || c == '"' || c == '\\'
		for at := range 8 {
			for _, fill := range []byte{' ', 'x', 0x7f} {
				var b [8]byte
				for i := range b {
					b[i] = fill
				}
				b[at] = byte(c)
				w := binary.LittleEndian.Uint64(b[:])
				want := -1
				if isSpecial {
					want = at
				}
				if got := firstMark(special(w)); got != want {
					t.Errorf("special(%q) marks %d first; want %d", b, got, want)
				}
				if c >= 0x80 {
					want = at
				}
				if got := firstMark(notPlain(w)); got != want {
					t.Errorf("notPlain(%q) marks %d first; want %d", b, got, want)
				}
			}
		}
	}
}

func firstMark(m uint64) int {
	if m == 0 {
		return -1
	}
	return bits.TrailingZeros64(m) / 8
}

// checkEscaped tells whether text comes out of encoding/json as it went in.
func checkEscaped(t *testing.T, text []byte) {
	t.Helper()
	quoted := AppendQuoted(nil, string(text))
	if !utf8.Valid(quoted) {
		t.Fatalf("%q escapes to invalid UTF-8: %q", text, quoted)
	}
	var got string
	if err := json.Unmarshal(quoted, &got); err != nil {
		t.Fatalf("%q escapes to %s: %v", text, quoted, err)
	}
	if want := string([]rune(string(text))); got != want {
		t.Fatalf("%q comes back as %q; want %q", text, got, want)
	}
}

func FuzzAppendEscaped(f *testing.F) {
	f.Add([]byte("alpha \"beta\"\n"))
	f.Add([]byte("é\xff\x00\u2028"))
	f.Fuzz(func(t *testing.T, text []byte) {
		checkEscaped(t, text)
		s := scanner{line: AppendQuoted(nil, string(text))}
		if body, _, bad := s.str(); bad != nil || s.pos != len(s.line) {
			t.Fatalf("the scan refuses %q: %v", body, bad)
		}
	})
}
