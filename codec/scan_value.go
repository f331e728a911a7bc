package codec

import (
	"math"
	"strconv"
)

// next passes whitespace and returns the byte at pos, 0 at the line's end. (A
// NUL byte in the line also gives 0; both are an error wherever next is asked,
// except in end, which looks at pos.)
func (s *scanner) next() byte {
	if s.pos < len(s.line) {
		if c := s.line[s.pos]; c > ' ' {
			return c
		}
	}
	return s.space()
}

// space is next where there may be whitespace.
func (s *scanner) space() byte {
	for s.pos < len(s.line) {
		switch c := s.line[s.pos]; c {
		case ' ', '\t', '\r', '\n':
			s.pos++
		default:
			return c
		}
	}
	return 0
}

// syntax is the error for an unexpected byte at pos, or for a line that ends there.
func (s *scanner) syntax() *DecodeError {
	if s.pos >= len(s.line) {
		return errTruncated
	}
	return errSyntax
}

// member moves to the opening quote of an object's next key; first says that none was
// read yet. more is false behind the closing brace.
func (s *scanner) member(first bool) (more bool, bad *DecodeError) {
	if s.pos >= s.turnEnds {
		s.rest(s.pos)
	}
	switch c := s.next(); {
	case c == '}':
		s.pos++
		return false, nil
	case first:
	case c != ',':
		return false, s.syntax()
	default:
		s.pos++
	}
	if s.next() != '"' {
		return false, s.syntax()
	}
	return true, nil
}

// key passes the key at pos and the colon behind it, and returns it without its
// escapes. It is good until the next call.
func (s *scanner) key() (key []byte, bad *DecodeError) {
	key, escaped, bad := s.str()
	if bad != nil {
		return nil, bad
	}
	if escaped {
		key = unescapeKey(s.keyText[:0], key)
	}
	if s.next() != ':' {
		return nil, s.syntax()
	}
	s.pos++
	return key, nil
}

// maxUsualKey is the longest of what requestKey and messageKey compare with.
const maxUsualKey = len(`"temperature":`)

// requestKey is key for the top-level object. The keys that most requests have are
// recognised as they are mostly written, in a comparison or two: of a constant, which
// the compiler makes one of words.
func (s *scanner) requestKey() (f field, bad *DecodeError) {
	if rest := s.line[s.pos:]; len(rest) >= maxUsualKey {
		n := 0
		switch {
		case string(rest[:5]) == `"id":`:
			f, n = fieldID, 5
		case string(rest[:11]) == `"messages":`:
			f, n = fieldMessages, 11
		case string(rest[:13]) == `"max_tokens":`:
			f, n = fieldMaxTokens, 13
		case string(rest[:9]) == `"stream":`:
			f, n = fieldStream, 9
		case string(rest[:14]) == `"temperature":`:
			f, n = fieldTemperature, 14
		}
		if n > 0 {
			s.pos += n
			return f, nil
		}
	}
	key, bad := s.key()
	return requestField(key), bad
}

// messageKey is requestKey for a message.
func (s *scanner) messageKey() (f field, bad *DecodeError) {
	if rest := s.line[s.pos:]; len(rest) >= maxUsualKey {
		switch {
		case string(rest[:7]) == `"role":`:
			s.pos += 7
			return fieldRole, nil
		case string(rest[:10]) == `"content":`:
			s.pos += 10
			return fieldContent, nil
		}
	}
	key, bad := s.key()
	return messageField(key), bad
}

// element moves to an array's next element. On the first call pos is on the
// opening bracket; more is false behind the closing one.
func (s *scanner) element(first bool) (more bool, bad *DecodeError) {
	if s.pos >= s.turnEnds {
		s.rest(s.pos)
	}
	if first {
		s.pos++
	}
	switch c := s.next(); {
	case c == ']':
		s.pos++
		return false, nil
	case first:
	case c != ',':
		return false, s.syntax()
	default:
		s.pos++
		s.next()
	}
	if s.pos >= len(s.line) {
		return false, errTruncated
	}
	return true, nil
}

// value checks a value of any type inside depth containers. It recurses at most
// maxDepth deep.
func (s *scanner) value(depth int) *DecodeError {
	switch c := s.next(); c {
	case '"':
		_, _, bad := s.str()
		return bad
	case '{', '[':
		if depth == maxDepth {
			return errDepth
		}
		if c == '{' {
			s.pos++
			return s.object(depth + 1)
		}
		return s.array(depth + 1)
	case 't':
		return s.literal("true")
	case 'f':
		return s.literal("false")
	case 'n':
		return s.literal("null")
	default:
		if c == '-' || isDigit(c) {
			return s.number()
		}
		return s.syntax()
	}
}

// object checks the rest of an object that nobody wants.
func (s *scanner) object(depth int) *DecodeError {
	for first := true; ; first = false {
		more, bad := s.member(first)
		if bad != nil || !more {
			return bad
		}
		if _, bad := s.key(); bad != nil {
			return bad
		}
		if bad := s.value(depth); bad != nil {
			return bad
		}
	}
}

// array checks an array that nobody wants.
func (s *scanner) array(depth int) *DecodeError {
	for first := true; ; first = false {
		more, bad := s.element(first)
		if bad != nil || !more {
			return bad
		}
		if bad := s.value(depth); bad != nil {
			return bad
		}
	}
}

// literal checks one of true, false and null.
func (s *scanner) literal(want string) *DecodeError {
	end := s.pos + len(want)
	if end > len(s.line) {
		return errTruncated
	}
	if string(s.line[s.pos:end]) != want {
		return errSyntax
	}
	s.pos = end
	return nil
}

// number checks a number's grammar, not its range.
func (s *scanner) number() *DecodeError {
	end := number(s.line, s.pos)
	if end < 0 {
		return errNumber
	}
	s.pos = end
	return nil
}

// number returns the index behind the number at i, less than 0 if there is none.
func number(line []byte, i int) (end int) {
	if i < len(line) && line[i] == '-' {
		i++
	}
	whole := digits(line, i)
	if whole == i || (whole > i+1 && line[i] == '0') {
		return -1
	}
	i = whole
	if i < len(line) && line[i] == '.' {
		frac := digits(line, i+1)
		if frac == i+1 {
			return -1
		}
		i = frac
	}
	if i < len(line) && line[i]|0x20 == 'e' {
		i++
		if i < len(line) && (line[i] == '+' || line[i] == '-') {
			i++
		}
		exp := digits(line, i)
		if exp == i {
			return -1
		}
		i = exp
	}
	return i
}

// float64 checks and stores the number that f must be, one that a float64 can
// hold, if not to the last digit.
func (s *scanner) float64(f field, to *float64) *DecodeError {
	start := s.pos
	if c := s.next(); c != '-' && !isDigit(c) {
		return s.mismatch(f)
	}
	if bad := s.number(); bad != nil {
		return bad
	}
	n := s.line[start:s.pos]
	v, err := strconv.ParseFloat(view(n), 64) // the string is gone when it returns
	if err != nil {                           // keeps a copy of its own
		return errRange
	}
	*to = v
	return nil
}

// uint32 checks and stores the integer that f must be, a literal that fits 32
// bits: no sign, fraction or exponent, not even where the value would be whole.
func (s *scanner) uint32(f field, to *uint32) *DecodeError {
	line, i := s.line, s.pos
	end := digits(line, i)
	if end == i || (end > i+1 && line[i] == '0') || end-i > len("4294967295") {
		return s.mismatch(f)
	}
	var v uint64
	for ; i < end; i++ {
		v = v*10 + uint64(line[i]-'0')
	}
	if v > math.MaxUint32 ||
		end < len(line) && (line[end] == '.' || line[end]|0x20 == 'e') {
		return s.mismatch(f)
	}
	s.pos = end
	*to = uint32(v)
	return nil
}

// digits returns the first index from i on that is no digit.
func digits(line []byte, i int) int {
	for i < len(line) && isDigit(line[i]) {
		i++
	}
	return i
}

func isDigit(c byte) bool { return c-'0' <= 9 }
