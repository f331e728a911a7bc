package codec

import (
	"encoding/binary"
	"unicode/utf8"
	"unsafe"
)

// escapes says how a byte is written in a JSON string: 0 as it is, 'u' as \u00XX,
// anything else after a backslash.
var escapes = func() (t [256]byte) {
	for c := range 0x20 {
		t[c] = 'u'
	}
	t['"'], t['\\'] = '"', '\\'
	t['\b'], t['\f'], t['\n'], t['\r'], t['\t'] = 'b', 'f', 'n', 'r', 't'
	return t
}()

const hexDigits = "0123456789abcdef"

// AppendEscaped appends text as the inside of a JSON string. Bytes that are not
// UTF-8 become U+FFFD, one each. Only what JSON demands is escaped: no HTML.
func AppendEscaped(dst, text []byte) []byte {
	from, i := 0, 0
	for i < len(text) {
		for len(text)-i >= 8 {
			w := binary.LittleEndian.Uint64(text[i:])
			if special(w)|w&highBits != 0 {
				break
			}
			i += 8
		}
		if i == len(text) {
			break
		}
		c := text[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRune(text[i:])
			if r == utf8.RuneError && n == 1 {
				dst = append(dst, text[from:i]...)
				dst = append(dst, "\uFFFD"...)
				from = i + 1
			}
			i += n
			continue
		}
		if e := escapes[c]; e != 0 {
			dst = append(dst, text[from:i]...)
			if e == 'u' {
				dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
			} else {
				dst = append(dst, '\\', e)
			}
			from = i + 1
		}
		i++
	}
	return append(dst, text[from:]...)
}

// AppendQuoted appends s as a JSON string, quotes included.
func AppendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	// The bytes alias the string: sound because AppendEscaped only reads them.
	dst = AppendEscaped(dst, unsafe.Slice(unsafe.StringData(s), len(s)))
	return append(dst, '"')
}
