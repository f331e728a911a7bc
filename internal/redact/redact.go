package redact

import (
	"strings"
	"unicode/utf8"
	"unsafe"
)

// The replacements. They match no pattern themselves, so redacting twice
// changes nothing.
const (
	authToken       = "[REDACTED:auth-header]"
	kvToken         = "[REDACTED:secret-kv]"
	jwtToken        = "[REDACTED:jwt]"
	keyToken        = "[REDACTED:api-key]"
	awsAccessToken  = "[REDACTED:aws-access]"
	awsSessionToken = "[REDACTED:aws-session]"
)

// String returns s with every secret replaced, and s itself when there is
// none. It allocates only when something was replaced.
func String(s string) string { return apply(s, false) }

// Append appends s to dst with every secret replaced.
func Append(dst, s []byte) []byte {
	// The view lives only for this call and is never written to.
	return append(dst, String(unsafe.String(unsafe.SliceData(s), len(s)))...)
}

// Cut is String for text that is shown at most limit bytes long: it redacts,
// then cuts on a rune boundary. It reads only a bounded part of s, so an
// identifier of megabytes costs no more than one of kilobytes.
func Cut(s string, limit int) string {
	open := len(s) > limit+lookAheadBytes
	if open {
		s = s[:limit+lookAheadBytes]
	}
	s = apply(s, open)
	if len(s) <= limit {
		return s
	}
	// A rune has at most three bytes behind its first; in invalid text there
	// may be no first byte to find, and then the plain limit will do.
	for end := limit; end > 0 && end > limit-utf8.UTFMax; end-- {
		if utf8.RuneStart(s[end]) {
			return s[:end]
		}
	}
	return s[:limit]
}

// Field is String for a named value: a name that announces a secret, such as
// api_key or accessToken, hides the whole value whatever it looks like.
func Field(name, value string) string {
	if value == "" {
		return value
	}
	if hasSuffixFold(name, "authorization") {
		return authToken
	}
	if Secret(name) {
		return kvToken
	}
	return String(value)
}

// Secret reports whether name announces a secret.
func Secret(name string) bool {
	for _, word := range secretWords {
		if hasSuffixFold(name, word) {
			return true
		}
	}
	return hasSuffixFold(name, "authorization")
}

// apply runs every rule over s in order. open says that s was cut off and its
// end is not the end of the text.
func apply(s string, open bool) string {
	for i := 0; i < len(s); i++ {
		if triggers[s[i]] && Suspicious(s, i) {
			return applyRules(s, open)
		}
	}
	return s
}

func applyRules(s string, open bool) string {
	for _, r := range rules {
		start, end := r.find(s, 0, open)
		if start < 0 {
			continue
		}
		var out strings.Builder
		done := 0
		for start >= 0 {
			out.WriteString(s[done:start])
			out.WriteString(r.token)
			done = end
			start, end = r.find(s, done, open)
		}
		out.WriteString(s[done:])
		s = out.String()
	}
	return s
}

// triggers are the bytes without which no rule can match: the separator of a
// key and its value, the hyphen or underscore of a vendor's prefix, the J of
// eyJ, the A of AKIA.
var triggers = [256]bool{':': true, '=': true, '-': true, '_': true, 'J': true, 'A': true}

// Trigger reports whether c can give a secret away. Text in which every such byte
// is not [Suspicious] has none and needs no redaction: for who looks at each byte
// anyway.
func Trigger(c byte) bool { return triggers[c] }

// Suspicious looks one step closer at the trigger s[i]. It may say yes to text
// without a secret, never no to text with one.
func Suspicious(s string, i int) bool {
	switch s[i] {
	case 'J':
		return i >= 2 && s[i-1] == 'y' && s[i-2] == 'e'
	case 'A':
		return strings.HasPrefix(s[i:], "AKIA") || strings.HasPrefix(s[i:], "ASIA")
	case '-', '_':
		return endsKeyPrefix(s, i) && keyPrefix(s, i+1) != nil
	default: // ':' and '='
		if strings.HasPrefix(s[i:], "://") {
			return true
		}
		if i == 0 {
			return false // no name before it
		}
		switch c := s[i-1]; c | 0x20 { // lower case, for letters
		case 'n', 'd', 'y', 't', '"', '\'':
			return true // the last byte of a secret word, or its closing quote
		default:
			return isSpace(c)
		}
	}
}

func hasSuffixFold(s, lower string) bool {
	return len(s) >= len(lower) && strings.EqualFold(s[len(s)-len(lower):], lower)
}
