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
	if w, ok := plainWord(text); ok && cap(dst)-len(dst) >= 8 { // like most ids
		n := len(dst)
		binary.LittleEndian.PutUint64(dst[n:n+8], w) // with zeros in the spare room
		return dst[:n+len(text)]
	}
	from, i := 0, 0 // text[from:i] needs no escape and is still to be appended
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

// plainWord gives a text of 1 to 8 bytes that needs no escape as a word, the first
// byte lowest, zeros above the last.
func plainWord(text []byte) (w uint64, ok bool) {
	n := len(text)
	switch {
	case n > 8 || n == 0:
		return 0, false
	case n >= 4:
		hi := uint64(binary.LittleEndian.Uint32(text[n-4:]))
		w = uint64(binary.LittleEndian.Uint32(text)) | hi<<(8*(n-4))
	case n >= 2:
		hi := uint64(binary.LittleEndian.Uint16(text[n-2:]))
		w = uint64(binary.LittleEndian.Uint16(text)) | hi<<(8*(n-2))
	default:
		w = uint64(text[0])
	}
	return w, notPlain(w|' '*eachByte<<(8*n)) == 0 // nothing behind the text counts
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
