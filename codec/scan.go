package codec

import (
	"math"
	"runtime"
	"unicode/utf8"
)

// scanner reads one line once, decides whether it is acceptable, and stores the
// values of a request as it comes by them. It is the package's only judge of what
// is accepted: what it passes is valid JSON, at most maxDepth
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

	// turnEnds is the position at which others get a turn, which nobody reaches in a line
	// that is not long.
	turnEnds int

	// Of a request: where its values go, strings as views of the line, messages up to
	// room: their number tells how much memory all of them need.
	req       *Request
	room      int
	escapes   bool // a string that was stored has some
	messages  int  // elements of the messages array
	hasBudget bool // image_token_budget is there and not null

	keyText [maxKeyBytes + utf8.UTFMax]byte // scratch for keys written with escapes
}

// reset prepares s for a line; nil lets go of the last one.
func (s *scanner) reset(line []byte) {
	s.line, s.pos, s.high = line, 0, 0
	s.turnEnds = math.MaxInt
	s.req, s.escapes, s.messages, s.hasBudget = nil, false, 0, false
}

// request checks that the line is a v1 request and stores it in s.req, which has
// the defaults and no messages.
func (s *scanner) request() *DecodeError {
	if bad := s.open(); bad != nil {
		return bad
	}
	var seen uint32
	for first := true; ; first = false {
		more, bad := s.member(first)
		if bad != nil {
			return bad
		}
		if !more {
			break
		}
		f, bad := s.requestKey()
		if bad != nil {
			return bad
		}
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
	if s.high&highBits != 0 && !validText(s.line) {
		return errUTF8
	}
	return nil
}

// rest lets others run; i is how far the scan is.
func (s *scanner) rest(i int) {
	runtime.Gosched()
	s.turnEnds = i + turnBytes
}

// requestValue checks and stores the value of a known top-level key.
func (s *scanner) requestValue(f field) *DecodeError {
	c, r := s.next(), s.req
	switch f {
	case fieldMessages:
		if c != '[' {
			return s.mismatch(f)
		}
		return s.messageArray()
	case fieldID:
		return s.stringValue(f, &r.ID)
	case fieldGrammar:
		return s.stringValue(f, &r.Grammar)
	}
	if c == 'n' {
		return s.literal("null")
	}
	switch f {
	case fieldTemperature:
		return s.float64(f, &r.Temperature)
	case fieldTopP:
		return s.float64(f, &r.TopP)
	case fieldTopK:
		return s.uint32(f, &r.TopK)
	case fieldMaxTokens:
		return s.uint32(f, &r.MaxTokens)
	case fieldStream:
		return s.boolean(f, &r.Stream)
	default:
		s.hasBudget = true
		return s.uint32(f, &r.ImageTokenBudget)
	}
}

// messageArray checks the messages, counts and stores them.
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
	var m Message
	for first := true; ; first = false {
		more, bad := s.member(first)
		if bad != nil {
			return bad
		}
		if !more {
			break
		}
		f, bad := s.messageKey()
		if bad != nil {
			return bad
		}
		to := &m.Content
		if f == fieldRole {
			to = &m.Role
		}
		if f == fieldUnknown {
			bad = s.value(3)
		} else if seen&f.bit() != 0 {
			bad = errDuplicate[f]
		} else {
			seen |= f.bit()
			bad = s.stringValue(f, to)
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
	if len(s.req.Messages) < s.room {
		s.req.Messages = append(s.req.Messages, m)
	}
	return nil
}

// stringValue checks the string that f must be, and stores a view of it.
func (s *scanner) stringValue(f field, to *string) *DecodeError {
	if s.next() != '"' {
		return s.mismatch(f)
	}
	body, escaped, bad := s.str()
	s.escapes = s.escapes || escaped
	*to = view(body)
	return bad
}

// boolean checks and stores the boolean that f must be.
func (s *scanner) boolean(f field, to *bool) *DecodeError {
	switch s.next() {
	case 't':
		*to = true
		return s.literal("true")
	case 'f':
		*to = false
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
