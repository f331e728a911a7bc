package codec

import (
	"encoding/binary"
	"math/bits"
	"strconv"
	"unsafe"
)

// usual decodes a short line as nearly all programs write it: at most a space behind a
// colon or comma, no escapes, no null, the common keys, each once, and a message's role
// before its content. It stores into d.req, which has the defaults and no messages, and
// reports false for anything else, right or wrong: then the scan decides, from the
// beginning.
//
// The scan keeps its place in memory, for it has many functions; this has it in a
// register, which makes a line of 100 bytes cost a third.
func (d *Decoder) usual(line []byte) bool {
	if len(line) == 0 || line[0] != '{' {
		return false
	}
	r := &d.req
	var seen uint32
	var high, w uint64
	for i := 1; ; {
		f, n := usualKey(line[i:])
		if n == 0 || seen&f.bit() != 0 {
			return false
		}
		seen |= f.bit()
		i = afterSpace(line, i+n)
		switch f {
		case fieldID:
			r.ID, i, w = shortString(line, i)
			high |= w
		case fieldMessages:
			i, w = d.usualMessages(line, i)
			high |= w
		case fieldMaxTokens:
			r.MaxTokens, i = shortNumber(line, i)
		case fieldStream:
			r.Stream, i = shortBool(line, i)
		case fieldTemperature:
			r.Temperature, i = shortFloat(line, i)
		case fieldTopP:
			r.TopP, i = shortFloat(line, i)
		}
		if i < 0 || i >= len(line) {
			return false
		}
		c := line[i]
		if i++; c == ',' {
			i = afterSpace(line, i)
			continue
		}
		return c == '}' && i == len(line) && seen&fieldMessages.bit() != 0 &&
			(high&highBits == 0 || validText(line))
	}
}

// usualKey recognises the key and the colon that rest begins with; n is their length, 0
// for any others. The compiler makes a comparison with a constant one of words, as long
// as it stands here and in no function of its own.
func usualKey(rest []byte) (f field, n int) {
	const (
		id, messages, maxTokens   = `"id":`, `"messages":`, `"max_tokens":`
		stream, temperature, topP = `"stream":`, `"temperature":`, `"top_p":`
	)
	switch {
	case len(rest) >= len(id) && string(rest[:len(id)]) == id:
		return fieldID, len(id)
	case len(rest) >= len(messages) && string(rest[:len(messages)]) == messages:
		return fieldMessages, len(messages)
	case len(rest) >= len(maxTokens) && string(rest[:len(maxTokens)]) == maxTokens:
		return fieldMaxTokens, len(maxTokens)
	case len(rest) >= len(stream) && string(rest[:len(stream)]) == stream:
		return fieldStream, len(stream)
	case len(rest) >= len(temperature) && string(rest[:len(temperature)]) == temperature:
		return fieldTemperature, len(temperature)
	case len(rest) >= len(topP) && string(rest[:len(topP)]) == topP:
		return fieldTopP, len(topP)
	}
	return 0, 0
}

// usualMessages is usual for the array at i. It returns the index behind it, less than
// 0 for another array, and what shortString returned of its strings.
func (d *Decoder) usualMessages(line []byte, i int) (end int, high uint64) {
	const (
		role, content           = `{"role":`, `"content":`
		user, system, assistant = `"` + roleUser + `",`, `"` + roleSystem + `",`, `"` + roleAssistant + `",`
	)
	if i >= len(line) || line[i] != '[' {
		return -1, 0
	}
	for i++; ; i++ {
		i = afterSpace(line, i)
		if rest := line[i:]; len(rest) < len(role) || string(rest[:len(role)]) != role {
			return -1, 0
		}
		var m Message
		i = afterSpace(line, i+len(role))
		switch rest := line[i:]; {
		case len(rest) >= len(user) && string(rest[:len(user)]) == user:
			m.Role = roleUser
		case len(rest) >= len(system) && string(rest[:len(system)]) == system:
			m.Role = roleSystem
		case len(rest) >= len(assistant) && string(rest[:len(assistant)]) == assistant:
			m.Role = roleAssistant
		default:
			return -1, 0
		}
		i = afterSpace(line, i+len(m.Role)+len(`"",`))
		if rest := line[i:]; len(rest) < len(content) || string(rest[:len(content)]) != content {
			return -1, 0
		}
		var w uint64
		m.Content, i, w = shortString(line, afterSpace(line, i+len(content)))
		if i < 0 || len(line)-i < 2 || line[i] != '}' {
			return -1, 0
		}
		d.req.Messages = append(d.req.Messages, m)
		high |= w
		if i++; line[i] != ',' {
			break
		}
	}
	if line[i] != ']' {
		return -1, 0
	}
	return i + 1, high
}

// afterSpace is the index behind the space at i, or i if there is none.
func afterSpace(line []byte, i int) int {
	if i < len(line) && line[i] == ' ' {
		i++
	}
	return i
}

// shortString reads the string at i and returns the index behind it, less than 0 if it
// has escapes or is none. A byte's top bit is set in high if any of the string's bytes
// has it, or maybe one behind the string.
func shortString(line []byte, i int) (s string, end int, high uint64) {
	if i >= len(line) || line[i] != '"' {
		return "", -1, 0
	}
	i++
	start := i
	for len(line)-i >= 8 {
		w := binary.LittleEndian.Uint64(line[i:])
		high |= w
		if m := special(w); m != 0 {
			i += bits.TrailingZeros64(m) >> 3
			break
		}
		i += 8
	}
	for ; i < len(line); i++ {
		switch c := line[i]; {
		case c == '"':
			return view(line[start:i]), i + 1, high
		case c == '\\' || c < ' ':
			return "", -1, 0
		default: // in the line's last bytes, where there is no whole word
			high |= uint64(c)
		}
	}
	return "", -1, 0
}

// shortNumber reads the integer at i, of up to nine digits, and returns the index behind
// it, less than 0 if there is none.
func shortNumber(line []byte, i int) (n uint32, end int) {
	end = digits(line, i)
	if end == i || end-i > 9 || line[i] == '0' {
		return 0, -1
	}
	for ; i < end; i++ {
		n = n*10 + uint32(line[i]-'0')
	}
	return n, end
}

// shortFloat is shortNumber for any number.
func shortFloat(line []byte, i int) (v float64, end int) {
	if end = number(line, i); end < 0 {
		return 0, -1
	}
	v, err := strconv.ParseFloat(view(line[i:end]), 64)
	if err != nil {
		return 0, -1
	}
	return v, end
}

// shortBool is shortNumber for true and false.
func shortBool(line []byte, i int) (v bool, end int) {
	switch rest := line[i:]; {
	case len(rest) >= 4 && string(rest[:4]) == "true":
		return true, i + 4
	case len(rest) >= 5 && string(rest[:5]) == "false":
		return false, i + 5
	}
	return false, -1
}

// view is b as a string that aliases the line: sound because Decode's caller leaves
// that alone while the Request's strings are in use.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
