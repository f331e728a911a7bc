package codec

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	eachByte = 0x0101010101010101
	highBits = 0x80 * eachByte
)

// special marks, by its top bit, the first byte of w (the lowest) that a JSON
// string can't hold as it is: '"', '\' or a control character. The marks above
// the first may be wrong; no mark means no such byte.
func special(w uint64) uint64 { return notPlain(w) &^ w }

// notPlain is special, but marks bytes that are not ASCII as well.
//
// Take one byte x of w. x^'\\' is 0 for the backslash alone. x^2 maps '"' to 0x20
// and the control characters onto each other, so it is below 0x21 for these alone.
// For ASCII, subtracting n sets the top bit just if x was below n. For all other
// bytes one of the two differences keeps the top bit: the first loses it below 0xA4
// only, the second for 0xDC only. A borrow reaches only bytes above a right mark.
func notPlain(w uint64) uint64 {
	low := (w ^ 2*eachByte) - 0x21*eachByte
	slash := (w ^ '\\'*eachByte) - eachByte
	return (low | slash) & highBits
}

// str checks the string whose opening quote is at pos, all but its UTF-8, which
// end does, and returns what is between the quotes.
func (s *scanner) str() (body []byte, escaped bool, bad *DecodeError) {
	line, start := s.line, s.pos+1
	// Most strings, keys above all, are shorter than a word and hold nothing special.
	if len(line)-start >= 8 {
		w := binary.LittleEndian.Uint64(line[start:])
		if m := special(w); m != 0 {
			end := start + bits.TrailingZeros64(m)>>3
			if line[end] == '"' {
				s.high |= w
				s.pos = end + 1
				return line[start:end], false, nil
			}
		}
	}
	return s.longString(start)
}

// longString is str for any string; start is the index behind the opening quote.
func (s *scanner) longString(start int) (body []byte, escaped bool, bad *DecodeError) {
	for i := start; ; s.rest(i) {
		end, closed, some, bad := s.part(s.line[:min(len(s.line), max(i, s.turnEnds))], i)
		escaped = escaped || some
		switch {
		case bad != nil:
			return nil, false, bad
		case closed:
			s.pos = end + 1
			return s.line[start:end], escaped, nil
		case end >= len(s.line):
			return nil, false, errTruncated
		}
		i = end
	}
}

// part is longString from i up to the end of line, which is all of the scanner's or what
// may be read until others get a turn; it may end a little behind. closed says that a
// quote is at end.
func (s *scanner) part(line []byte, i int) (end int, closed, escaped bool, bad *DecodeError) {
	high := s.high
	for {
		if len(line)-i >= 8 {
			w := binary.LittleEndian.Uint64(line[i:])
			high |= w // and maybe some bytes behind the string: they do no harm
			m := special(w)
			if m == 0 {
				i += 8
				if w&highBits == 0 {
					i += plainASCII(line[i:])
				}
				continue
			}
			i += bits.TrailingZeros64(m) >> 3
		} else if i >= len(line) {
			s.high = high
			return i, false, escaped, nil
		}
		switch c := line[i]; {
		case c == '"':
			s.high = high
			return i, true, escaped, nil
		case c == '\\':
			escaped = true
			if i, bad = escape(s.line, i); bad != nil {
				return 0, false, false, bad
			}
		case c < 0x20:
			return 0, false, false, errControl
		default: // in the line's last bytes, where there is no whole word
			high |= uint64(c)
			i++
		}
	}
}

// plainASCII returns how many bytes at b's start are surely plain ASCII, in steps
// of 32: four words a turn keep the processor's units busy in long texts.
func plainASCII(b []byte) int {
	rest := b
	for len(rest) >= 32 {
		w0 := binary.LittleEndian.Uint64(rest[0:])
		w1 := binary.LittleEndian.Uint64(rest[8:])
		w2 := binary.LittleEndian.Uint64(rest[16:])
		w3 := binary.LittleEndian.Uint64(rest[24:])
		if notPlain(w0)|notPlain(w1)|notPlain(w2)|notPlain(w3) != 0 {
			break
		}
		rest = rest[32:]
	}
	return len(b) - len(rest)
}

// unescapes maps what stands behind a backslash to what it means; 0 is an error,
// and \u is not among it.
var unescapes = [256]byte{
	'"': '"', '\\': '\\', '/': '/',
	'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t',
}

// escape checks the escape whose backslash is at i, for a high surrogate the pair
// of them, and returns the index behind it.
func escape(line []byte, i int) (int, *DecodeError) {
	if i+1 >= len(line) {
		return i, errTruncated
	}
	if line[i+1] != 'u' {
		if unescapes[line[i+1]] == 0 {
			return i, errEscape
		}
		return i + 2, nil
	}
	r, ok := hex4(line, i+2)
	if !ok {
		return i, errEscape
	}
	i += 6
	if !utf16.IsSurrogate(r) {
		return i, nil
	}
	if len(line)-i < 6 || line[i] != '\\' || line[i+1] != 'u' {
		return i, errSurrogate
	}
	low, ok := hex4(line, i+2)
	if !ok {
		return i, errEscape
	}
	if utf16.DecodeRune(r, low) == utf8.RuneError {
		return i, errSurrogate
	}
	return i + 6, nil
}

// hex4 reads four hexadecimal digits at i.
func hex4(line []byte, i int) (rune, bool) {
	if len(line)-i < 4 {
		return 0, false
	}
	var r rune
	for _, c := range line[i : i+4] {
		switch {
		case isDigit(c):
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = (c | 0x20) - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// unescapeKey appends to dst the key whose body str has passed, and stops where
// it is too long to be a known one. Pairs of surrogates come out wrong, which is
// as good: no known key has them.
func unescapeKey(dst, body []byte) []byte {
	for i := 0; i < len(body) && len(dst) <= maxKeyBytes; i++ {
		c := body[i]
		if c != '\\' {
			dst = append(dst, c)
			continue
		}
		i++
		if c = body[i]; c != 'u' {
			dst = append(dst, unescapes[c])
			continue
		}
		r, _ := hex4(body, i+1)
		dst = utf8.AppendRune(dst, r)
		i += 4
	}
	return dst
}
