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
//
// Per byte: x-n borrows into the top bit just if x < n, given that the top bit
// of x was clear. x^c has the top bit of x for any ASCII c, so one &^w serves
// all three tests. A borrow reaches only bytes above one that is marked rightly.
func special(w uint64) uint64 {
	quote := (w ^ '"'*eachByte) - eachByte
	slash := (w ^ '\\'*eachByte) - eachByte
	control := w - 0x20*eachByte
	return (quote | slash | control) &^ w & highBits
}

// str checks the string whose opening quote is at pos, all but its UTF-8, which
// end does, and returns what is between the quotes.
func (s *scanner) str() (body []byte, escaped bool, bad *DecodeError) {
	line, high := s.line, s.high
	start := s.pos + 1
	i := start
	for {
		var c byte
		i, high, c = plainRun(line, i, high)
		switch {
		case c == '"':
			s.pos, s.high = i+1, high
			return line[start:i], escaped, nil
		case c == '\\':
			escaped = true
			if i, bad = escape(line, i); bad != nil {
				return nil, false, bad
			}
		case i == len(line):
			return nil, false, errTruncated
		default:
			return nil, false, errControl
		}
	}
}

// plainRun returns the first index from i on whose byte is special, with that
// byte, or len(line) and 0. high gathers the bytes passed, and perhaps some more.
func plainRun(line []byte, i int, high uint64) (int, uint64, byte) {
	for len(line)-i >= 8 {
		w := binary.LittleEndian.Uint64(line[i:])
		high |= w
		if m := special(w); m != 0 {
			i += bits.TrailingZeros64(m) >> 3
			return i, high, line[i]
		}
		i += 8
		// Long texts: four words a turn keep the processor's units busy.
		for len(line)-i >= 32 {
			b := line[i : i+32 : i+32]
			w0 := binary.LittleEndian.Uint64(b)
			w1 := binary.LittleEndian.Uint64(b[8:])
			w2 := binary.LittleEndian.Uint64(b[16:])
			w3 := binary.LittleEndian.Uint64(b[24:])
			if special(w0)|special(w1)|special(w2)|special(w3) != 0 {
				break
			}
			high |= w0 | w1 | w2 | w3
			i += 32
		}
	}
	for ; i < len(line); i++ {
		c := line[i]
		high |= uint64(c)
		if c < 0x20 || c == '"' || c == '\\' {
			return i, high, c
		}
	}
	return i, high, 0
}

// escape checks the escape whose backslash is at i, for a high surrogate the pair
// of them, and returns the index behind it.
func escape(line []byte, i int) (int, *DecodeError) {
	if i+1 >= len(line) {
		return i, errTruncated
	}
	switch line[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 2, nil
	case 'u':
	default:
		return i, errEscape
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
		switch c = body[i]; c {
		case 'u':
			r, _ := hex4(body, i+1)
			dst = utf8.AppendRune(dst, r)
			i += 4
			continue
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		}
		dst = append(dst, c)
	}
	return dst
}
