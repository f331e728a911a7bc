package activity

import (
	"encoding/binary"
	"strconv"
	"time"
	"unicode/utf8"

	"inferd/internal/redact"
)

const hexDigits = "0123456789abcdef"

// appendText appends s as the inside of a JSON string: redacted, cut to limit
// bytes, escaped, invalid UTF-8 replaced by U+FFFD.
func appendText(dst []byte, s string, limit int) []byte {
	if len(s) <= limit && isPlain(s) {
		return append(dst, s...)
	}
	s = redact.Cut(s, limit)
	plain := 0 // s[plain:i] needs no escaping and is not yet appended
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r != utf8.RuneError || size != 1 {
				i += size
				continue
			}
		}
		dst = append(dst, s[plain:i]...)
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, '\\', 'n')
		case c < ' ':
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		default:
			dst = append(dst, "\ufffd"...)
		}
		i++
		plain = i
	}
	return append(dst, s[plain:]...)
}

// isPlain says whether s stays as it is: nothing to escape and nothing that a
// secret could hide behind.
func isPlain(s string) bool {
	for i := range len(s) {
		switch byteKinds[s[i]] {
		case plainByte:
		case triggerByte:
			if redact.Suspicious(s, i) {
				return false
			}
		default:
			return false
		}
	}
	return true
}

const (
	plainByte   = iota
	triggerByte // see redact.Trigger
	escapedByte // or part of a character that has to be looked at
)

var byteKinds = func() (t [256]uint8) {
	for c := range t {
		switch {
		case c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf:
			t[c] = escapedByte
		case redact.Trigger(byte(c)):
			t[c] = triggerByte
		}
	}
	return t
}()

// Text is encoded already, as the inside of a JSON string: for what stays the
// same over many lines. Make it with [TextOf].
type Text string

// TextOf encodes s as every text of a line is: redacted, cut, escaped. What needs
// none of it is s itself.
func TextOf(s string) Text {
	if len(s) <= maxStringBytes && isPlain(s) {
		return Text(s)
	}
	return Text(appendText(nil, s, maxStringBytes))
}

// appendStop appends a wire stop reason as the log spells it: end_turn becomes
// EndTurn.
func appendStop(dst []byte, wire string) []byte {
	switch wire { // the usual ones, without a look at each letter
	case "end":
		return append(dst, "End"...)
	case "length":
		return append(dst, "Length"...)
	}
	wire = redact.Cut(wire, maxStringBytes)
	up := true
	for i := range len(wire) {
		c := wire[i]
		switch {
		case c >= 'a' && c <= 'z' && up:
			c -= 'a' - 'A'
			up = false
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9':
			up = false
		default:
			up = true
			continue // anything but letters and digits only separates words
		}
		dst = append(dst, c)
	}
	return dst
}

// appendUint appends v, up to four digits at once: most of what is counted is that
// small.
func appendUint(dst []byte, v uint64) []byte {
	switch {
	case v < 10:
		return append(dst, byte('0'+v))
	case v < 100:
		return binary.LittleEndian.AppendUint16(dst, pairs[v])
	case v < 1000:
		dst = append(dst, byte('0'+v/100))
		return binary.LittleEndian.AppendUint16(dst, pairs[v%100])
	case v < 10_000:
		dst = binary.LittleEndian.AppendUint16(dst, pairs[v/100])
		return binary.LittleEndian.AppendUint16(dst, pairs[v%100])
	}
	return strconv.AppendUint(dst, v, 10)
}

// appendMillis appends d in milliseconds with three decimals.
func appendMillis(dst []byte, d time.Duration) []byte {
	us := uint64(max(d, 0)) / uint64(time.Microsecond)
	ms, us := us/1000, us%1000
	decimals := '.' | ('0'+us/100)<<8 | uint64(pairs[us%100])<<16
	return binary.LittleEndian.AppendUint32(appendUint(dst, ms), uint32(decimals))
}

// wallClock tells the wall time, in Unix nanoseconds, of moments on a monotonic
// clock. It reads the system's once a wallSync: a step of that clock is seen so much
// later.
type wallClock struct {
	wall int64
	mono int64 // the same moment; 0 is none yet
}

func (c *wallClock) at(mono int64) int64 {
	if d := time.Duration(mono - c.mono); c.mono == 0 || d < -wallSync || d >= wallSync {
		c.wall, c.mono = time.Now().UnixNano(), mono
	}
	return c.wall + mono - c.mono
}

// A stamp formats times and remembers the text of the last second, which is
// all of a time stamp but its microseconds.
type stamp struct {
	begin int64 // of that second, in Unix nanoseconds
	text  [len("2006-01-02T15:04:05")]byte
}

// append appends the moment now, in Unix nanoseconds, in UTC, RFC 3339 with
// microseconds and a numeric offset.
func (s *stamp) append(dst []byte, now int64) []byte {
	if uint64(now-s.begin) >= uint64(time.Second) || s.text[0] == 0 {
		at := time.Unix(0, now).UTC()
		at.AppendFormat(s.text[:0], "2006-01-02T15:04:05")
		s.begin = now - int64(at.Nanosecond())
	}
	us := uint64(now-s.begin) / 1000
	a, b, c := pairs[us/10000], pairs[us/100%100], pairs[us%100]
	digits := '.' | uint64(a)<<8 | uint64(b)<<24 | uint64(c)<<40 | '+'<<56
	dst = append(append(dst, s.text[:16]...), s.text[16:]...) // see codec.AppendLiteral
	return append(binary.LittleEndian.AppendUint64(dst, digits), "00:00"...)
}

// pairs are the two digits of 0 to 99, the first one in the low byte.
var pairs = func() (t [100]uint16) {
	for i := range t {
		t[i] = uint16('0'+i/10) | uint16('0'+i%10)<<8
	}
	return t
}()
