package codec

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
	"unsafe"
)

// escapes says how a byte is written in a JSON string: 0 as it is, 'u' as \u00XX,
// runeByte as part of a character that has to be looked at, anything else after a
// backslash.
var escapes = func() (t [256]byte) {
	for c := range 0x20 {
		t[c] = 'u'
	}
	for c := utf8.RuneSelf; c < len(t); c++ {
		t[c] = runeByte
	}
	t['"'], t['\\'] = '"', '\\'
	t['\b'], t['\f'], t['\n'], t['\r'], t['\t'] = 'b', 'f', 'n', 'r', 't'
	return t
}()

const (
	runeByte  = 0xFF
	hexDigits = "0123456789abcdef"
)

// AppendEscaped appends text as the inside of a JSON string. Bytes that are not
// UTF-8 become U+FFFD, one each. Only what JSON demands is escaped: no HTML.
func AppendEscaped(dst, text []byte) []byte {
	from, i := 0, 0    // text[from:i] needs no escape and is still to be appended
	if len(text) < 8 { // like most tokens: no word to look at
		for i < len(text) && escapes[text[i]] == 0 {
			i++
		}
		if i == len(text) {
			return append(dst, text...)
		}
	}
	for i < len(text) {
		if len(text)-i >= 8 {
			w := binary.LittleEndian.Uint64(text[i:])
			m := notPlain(w)
			if m == 0 {
				i += 8
				continue
			}
			i += bits.TrailingZeros64(m) >> 3
		}
		c := text[i]
		switch e := escapes[c]; e {
		case 0:
			i++
			continue
		case runeByte:
			n := characters(text[i:])
			i += n
			if n > 0 {
				continue
			}
			dst = append(append(dst, text[from:i]...), "\uFFFD"...)
		case 'u':
			dst = append(append(dst, text[from:i]...),
				'\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		default:
			dst = append(append(dst, text[from:i]...), '\\', e)
		}
		i++
		from = i
	}
	return append(dst, text[from:]...)
}

// characters returns the length of the run of whole non-ASCII characters that
// text begins with.
func characters(text []byte) int {
	i := 0
	for i < len(text) && text[i] >= utf8.RuneSelf {
		r, n := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && n == 1 {
			break
		}
		i += n
	}
	return i
}

// AppendQuoted appends s as a JSON string, quotes included.
func AppendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	// The bytes alias the string: sound because AppendEscaped only reads them.
	dst = AppendEscaped(dst, unsafe.Slice(unsafe.StringData(s), len(s)))
	return append(dst, '"')
}
