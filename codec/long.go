package codec

import (
	"bytes"
	"math"
	"runtime"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"
)

// DecodeLong is Decode for a line of many MiB, in Go alone: the code of sonic can't
// be preempted, and a garbage collection that begins meanwhile stops everybody until
// it is done. After each turnBytes other goroutines get a turn: those that wait for this
// processor would do so until the scheduler takes it away, 10 to 20 ms. It takes no
// memory but that of the messages' array, because it writes strings that have escapes
// out in the line, which is no longer JSON afterwards.
func (d *Decoder) DecodeLong(line []byte) (*Request, error) {
	bad := d.scanAll(line, turnBytes)
	if bad == nil && d.scan.escapes {
		r, left := &d.req, turn(turnBytes)
		r.ID, r.Grammar = unescapeInPlace(r.ID, &left), unescapeInPlace(r.Grammar, &left)
		for i := range r.Messages {
			m := &r.Messages[i]
			m.Role, m.Content = unescapeInPlace(m.Role, &left), unescapeInPlace(m.Content, &left)
		}
	}
	return d.decoded(bad)
}

// turn is how many bytes may still be worked on until others get a turn.
type turn int

// spend takes n bytes off, and lets others run when there are none left.
func (t *turn) spend(n int) {
	if *t -= turn(n); *t <= 0 {
		runtime.Gosched()
		*t = turnBytes
	}
}

// goUnquote is an unquoter in Go alone.
func goUnquote(dst []byte, s string) int {
	copy(dst, s)
	endless := turn(math.MaxInt)
	return len(unescapeInPlace(view(dst[:len(s)]), &endless))
}

// unescapeInPlace returns what s, which lies in a line that the scan has passed,
// stands for, and writes it over s: no escape is shorter than what it means.
func unescapeInPlace(s string, left *turn) string {
	// The string aliases a line that is DecodeLong's to write to, and no other string
	// has these bytes: fields don't overlap. The slice ends where the string does.
	b := unsafe.Slice(unsafe.StringData(s), len(s))
	to := 0
	for from := 0; from < len(b); {
		if b[from] != '\\' {
			run := b[from:min(from+turnBytes, len(b))]
			if n := bytes.IndexByte(run, '\\'); n >= 0 {
				run = run[:n]
			}
			left.spend(len(run))
			if to < from {
				copy(b[to:], run)
			}
			to, from = to+len(run), from+len(run)
			continue
		}
		left.spend(2)
		if c := b[from+1]; c != 'u' {
			b[to] = unescapes[c]
			to, from = to+1, from+2
			continue
		}
		r, _ := hex4(b, from+2)
		from += 6
		if utf16.IsSurrogate(r) {
			low, _ := hex4(b, from+2)
			r = utf16.DecodeRune(r, low)
			from += 6
		}
		to += utf8.EncodeRune(b[to:], r)
	}
	return unsafe.String(unsafe.StringData(s), to)
}

// validText is validUTF8 in pieces.
func validText(line []byte) bool {
	for len(line) > pieceBytes {
		runtime.Gosched()
		end := pieceBytes
		for end > pieceBytes-utf8.UTFMax && !utf8.RuneStart(line[end]) {
			end--
		}
		if !validUTF8(line[:end]) {
			return false
		}
		line = line[end:]
	}
	return validUTF8(line)
}
