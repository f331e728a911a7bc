package codec

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"
)

// DecodeLong is Decode for a line of many MiB, in Go alone: the code of sonic can't
// be preempted, and a garbage collection that begins meanwhile stops everybody until
// it is done. It takes no memory but that of the messages' array, because it writes
// strings that have escapes out in the line, which is no longer JSON afterwards.
func (d *Decoder) DecodeLong(line []byte) (*Request, error) {
	bad := d.scanAll(line)
	if bad == nil && d.scan.escapes {
		r := &d.req
		r.ID, r.Grammar = unescapeInPlace(r.ID), unescapeInPlace(r.Grammar)
		for i := range r.Messages {
			m := &r.Messages[i]
			m.Role, m.Content = unescapeInPlace(m.Role), unescapeInPlace(m.Content)
		}
	}
	return d.decoded(bad)
}

// goUnquote is an unquoter in Go alone.
func goUnquote(dst []byte, s string) int {
	copy(dst, s)
	return len(unescapeInPlace(view(dst[:len(s)])))
}

// unescapeInPlace returns what s, which lies in a line that the scan has passed,
// stands for, and writes it over s: no escape is shorter than what it means.
func unescapeInPlace(s string) string {
	// The string aliases a line that is DecodeLong's to write to, and no other string
	// has these bytes: fields don't overlap. The slice ends where the string does.
	b := unsafe.Slice(unsafe.StringData(s), len(s))
	to := 0
	for from := 0; from < len(b); {
		if b[from] != '\\' {
			run := b[from:min(from+pieceBytes, len(b))]
			if n := bytes.IndexByte(run, '\\'); n >= 0 {
				run = run[:n]
			}
			if to < from {
				copy(b[to:], run)
			}
			to, from = to+len(run), from+len(run)
			continue
		}
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
