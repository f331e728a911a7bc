package codec

import "unicode/utf8"

// scanner reads one line once and decides whether it is acceptable. It is the
// package's only judge of that: what it passes is valid JSON, at most maxDepth
// deep, valid UTF-8, of the right shape and types, and ends with the brace that
// closes the line's object (so that a filler never reads a number or literal at
// the end of its input; sonic reads one byte too far there).
//
// Its methods leave pos behind what they have read; on an error pos means nothing.
type scanner struct {
	line []byte
	pos  int

	// high has a byte's top bit set if any string has a non-ASCII byte. Only
	// then is the line's UTF-8 checked, in one pass at the end.
	high uint64

	messages  int  // elements of the messages array
	hasBudget bool // image_token_budget is there and not null

	key [maxKeyBytes + utf8.UTFMax]byte // scratch for keys written with escapes
}

// reset prepares s for a line; nil lets go of the last one.
func (s *scanner) reset(line []byte) {
	s.line, s.pos, s.high = line, 0, 0
	s.messages, s.hasBudget = 0, false
}

// request checks that the line is a v1 request.
func (s *scanner) request() *DecodeError {
	if bad := s.open(); bad != nil {
		return bad
	}
	var seen uint32
	for first := true; ; first = false {
		key, more, bad := s.member(first)
		if bad != nil {
			return bad
		}
		if !more {
			break
		}
		f := requestField(key)
		if f == fieldUnknown {
			bad = s.value(1)
		} else if seen&f.bit() != 0 {
			bad = errDuplicate[f]
		} else {
			seen |= f.bit()
			bad = s.requestValue(f)
		}
		if bad != nil {
			return bad
		}
	}
	if seen&fieldMessages.bit() == 0 {
		return errMissing[fieldMessages]
	}
	return s.end()
}

// frame checks that the line is one JSON object, whatever is in it.
func (s *scanner) frame() *DecodeError {
	if bad := s.open(); bad != nil {
		return bad
	}
	s.pos--
	if bad := s.value(0); bad != nil {
		return bad
	}
	return s.end()
}

// open passes the brace that opens the line's object.
func (s *scanner) open() *DecodeError {
	switch c := s.next(); {
	case c == '{':
		s.pos++
		return nil
	case s.pos == len(s.line):
		return errEmpty
	case c == 0xEF:
		return errBOM
	default:
		return errNotObject
	}
}

// end checks what is left after the brace that closes the line's object, and
// then the line as a whole.
func (s *scanner) end() *DecodeError {
	s.next()
	if s.pos != len(s.line) {
		return errTrailing
	}
	if s.high&highBits != 0 && !validUTF8(s.line) {
		return errUTF8
	}
	return nil
}

// requestValue checks the value of a known top-level key.
func (s *scanner) requestValue(f field) *DecodeError {
	c := s.next()
	switch f {
	case fieldMessages:
		if c != '[' {
			return s.mismatch(f)
		}
		return s.messageArray()
	case fieldID, fieldGrammar:
		return s.stringValue(f)
	}
	if c == 'n' {
		return s.literal("null")
	}
	switch f {
	case fieldTemperature, fieldTopP:
		if c != '-' && !isDigit(c) {
			return s.mismatch(f)
		}
		return s.float64()
	case fieldStream:
		return s.boolean(f)
	case fieldImageTokenBudget:
		s.hasBudget = true
	}
	if !s.uint32() {
		return s.mismatch(f)
	}
	return nil
}

// messageArray checks the messages and counts them.
func (s *scanner) messageArray() *DecodeError {
	for first := true; ; first = false {
		more, bad := s.element(first)
		if bad != nil || !more {
			return bad
		}
		if s.line[s.pos] != '{' {
			return errElement
		}
		s.pos++
		if bad := s.message(); bad != nil {
			return bad
		}
		s.messages++
	}
}

// message checks one message, whose brace is already behind.
func (s *scanner) message() *DecodeError {
	var seen uint32
	for first := true; ; first = false {
		key, more, bad := s.member(first)
		if bad != nil {
			return bad
		}
		if !more {
			break
		}
		f := messageField(key)
		if f == fieldUnknown {
			bad = s.value(3)
		} else if seen&f.bit() != 0 {
			bad = errDuplicate[f]
		} else {
			seen |= f.bit()
			bad = s.stringValue(f)
		}
		if bad != nil {
			return bad
		}
	}
	if seen&fieldRole.bit() == 0 {
		return errMissing[fieldRole]
	}
	if seen&fieldContent.bit() == 0 {
		return errMissing[fieldContent]
	}
	return nil
}

// stringValue checks the string that f must be.
func (s *scanner) stringValue(f field) *DecodeError {
	if s.next() != '"' {
		return s.mismatch(f)
	}
	_, _, bad := s.str()
	return bad
}

// boolean checks the boolean that f must be.
func (s *scanner) boolean(f field) *DecodeError {
	switch s.next() {
	case 't':
		return s.literal("true")
	case 'f':
		return s.literal("false")
	}
	return s.mismatch(f)
}

// mismatch is the error for a value that is not what f must be, or for none.
func (s *scanner) mismatch(f field) *DecodeError {
	if s.pos >= len(s.line) {
		return errTruncated
	}
	return errType[f]
}
