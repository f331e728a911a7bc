package sched

import "unicode/utf8"

// joiner turns token pieces, which may end inside a character, into whole UTF-8
// characters. Bytes that can not become one turn into U+FFFD.
type joiner struct {
	tail []byte // an unfinished character, at most 3 bytes
	out  []byte // reused
}

// push gives the characters that piece completes; valid until the next call.
func (j *joiner) push(piece string) []byte {
	j.tail = append(j.tail, piece...)
	j.out = j.out[:0]
	rest := j.tail
	for len(rest) > 0 && utf8.FullRune(rest) {
		r, n := utf8.DecodeRune(rest)
		j.out = utf8.AppendRune(j.out, r)
		rest = rest[n:]
	}
	j.tail = append(j.tail[:0], rest...)
	return j.out
}

// end gives what an unfinished character becomes at the end of the text.
func (j *joiner) end() []byte {
	j.out = j.out[:0]
	if len(j.tail) > 0 {
		j.out = utf8.AppendRune(j.out, utf8.RuneError)
		j.tail = j.tail[:0]
	}
	return j.out
}
