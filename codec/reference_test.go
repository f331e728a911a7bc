package codec

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// The reference decodes a request with encoding/json's tokens and the rules of
// docs/protocol.md written down a second time, as plainly as possible. It shares
// no code with the package.

var errReference = errors.New("refused by the reference")

type refMember struct {
	key   string
	value any // nil, bool, string, json.Number, []any, []refMember
}

func refDecode(line []byte) (*Request, error) {
	if !utf8.Valid(line) || !json.Valid(line) || refLoneSurrogate(line) || refDepth(line) > 128 {
		return nil, errReference
	}
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.UseNumber()
	top, ok := refValue(dec).([]refMember)
	if !ok || refRepeats(top, "id", "messages", "temperature", "top_p", "top_k", "max_tokens",
		"stream", "image_token_budget", "grammar") {
		return nil, errReference
	}
	r := &Request{Temperature: 1, TopP: 0.95, TopK: 64, MaxTokens: 1000, Stream: true}
	var hasMessages bool
	ok = true
	for _, m := range top {
		switch m.key {
		case "id":
			r.ID, ok = m.value.(string)
		case "grammar":
			r.Grammar, ok = m.value.(string)
		case "temperature":
			ok = refFloat(m.value, &r.Temperature)
		case "top_p":
			ok = refFloat(m.value, &r.TopP)
		case "top_k":
			ok = refUint32(m.value, &r.TopK)
		case "max_tokens":
			ok = refUint32(m.value, &r.MaxTokens)
		case "image_token_budget":
			ok = refUint32(m.value, &r.ImageTokenBudget)
			r.HasImageTokenBudget = m.value != nil
		case "stream":
			if m.value != nil {
				r.Stream, ok = m.value.(bool)
			}
		case "messages":
			hasMessages = true
			r.Messages, ok = refMessages(m.value)
		}
		if !ok {
			return nil, errReference
		}
	}
	if !hasMessages {
		return nil, errReference
	}
	return r, nil
}

func refMessages(v any) ([]Message, bool) {
	array, ok := v.([]any)
	if !ok {
		return nil, false
	}
	messages := []Message{}
	for _, v := range array {
		object, ok := v.([]refMember)
		if !ok || refRepeats(object, "role", "content") {
			return nil, false
		}
		var m Message
		var role, content bool
		for _, member := range object {
			switch member.key {
			case "role":
				m.Role, role = member.value.(string)
				role = role && strings.Contains(" system user assistant ", " "+m.Role+" ") &&
					!strings.Contains(m.Role, " ")
			case "content":
				m.Content, content = member.value.(string)
			}
		}
		if !role || !content {
			return nil, false
		}
		messages = append(messages, m)
	}
	return messages, true
}

// refValue reads one value of a line that is known to be valid JSON.
func refValue(dec *json.Decoder) any {
	token, err := dec.Token()
	if err != nil {
		return nil
	}
	switch token {
	case json.Delim('{'):
		object := []refMember{}
		for dec.More() {
			key, _ := dec.Token()
			name, _ := key.(string)
			object = append(object, refMember{name, refValue(dec)})
		}
		_, _ = dec.Token()
		return object
	case json.Delim('['):
		array := []any{}
		for dec.More() {
			array = append(array, refValue(dec))
		}
		_, _ = dec.Token()
		return array
	}
	return token
}

func refRepeats(object []refMember, known ...string) bool {
	for _, key := range known {
		n := 0
		for _, m := range object {
			if m.key == key {
				n++
			}
		}
		if n > 1 {
			return true
		}
	}
	return false
}

func refFloat(v any, into *float64) bool {
	if v == nil {
		return true
	}
	n, ok := v.(json.Number)
	if !ok {
		return false
	}
	f, err := strconv.ParseFloat(string(n), 64)
	*into = f
	return err == nil
}

func refUint32(v any, into *uint32) bool {
	if v == nil {
		return true
	}
	n, ok := v.(json.Number)
	if !ok {
		return false
	}
	u, err := strconv.ParseUint(string(n), 10, 32)
	*into = uint32(u)
	return err == nil
}

// refDepth is the deepest nesting of a valid line.
func refDepth(line []byte) int {
	depth, deepest := 0, 0
	inString := false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			depth++
			deepest = max(deepest, depth)
		case c == '}' || c == ']':
			depth--
		}
	}
	return deepest
}

// refLoneSurrogate looks through the escapes of a valid line.
func refLoneSurrogate(line []byte) bool {
	var high rune // a high surrogate waiting for its low one
	for i := 0; i < len(line); i++ {
		if line[i] != '\\' {
			if high != 0 {
				return true
			}
			continue
		}
		i++
		if line[i] != 'u' {
			if high != 0 {
				return true
			}
			continue
		}
		u, _ := strconv.ParseUint(string(line[i+1:i+5]), 16, 32)
		i += 4
		r := rune(u)
		switch {
		case high != 0:
			if utf16.DecodeRune(high, r) == utf8.RuneError {
				return true
			}
			high = 0
		case r >= 0xD800 && r < 0xDC00:
			high = r
		case utf16.IsSurrogate(r):
			return true
		}
	}
	return false
}
