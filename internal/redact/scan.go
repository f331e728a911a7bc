package redact

// The byte classes of the patterns.
var (
	wordByte       = class("_", true)
	alnumByte      = class("", true)
	base64Byte     = class("-_", true)
	credentialByte = class("._-+/=", true)
	upperByte      = func() (t [256]bool) {
		for c := 'A'; c <= 'Z'; c++ {
			t[c] = true
		}
		for c := '0'; c <= '9'; c++ {
			t[c] = true
		}
		return t
	}()
)

// class is the set of the bytes of extra and, if alnum, of letters and digits.
func class(extra string, alnum bool) (t [256]bool) {
	for i := range extra {
		t[extra[i]] = true
	}
	for c := range t {
		lower := byte(c) | 0x20
		if alnum && c < 0x80 && (lower >= 'a' && lower <= 'z' || c >= '0' && c <= '9') {
			t[c] = true
		}
	}
	return t
}

// boundaryBefore reports whether a word could begin at i.
func boundaryBefore(s string, i int) bool { return i == 0 || !wordByte[s[i-1]] }

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

// valueStop ends an unquoted value.
func valueStop(c byte) bool {
	return isSpace(c) || c == '"' || c == ',' || c == '&' || c == '}'
}

func skipSpace(s string, i int) int {
	for i < len(s) && isSpace(s[i]) {
		i++
	}
	return i
}

func base64Run(s string, i int) int {
	for i < len(s) && base64Byte[s[i]] {
		i++
	}
	return i
}

// keyEnd is where the key ends whose separator is s[sep]: before spaces and
// before its closing quote, which may itself be escaped (text that quotes JSON).
func keyEnd(s string, from, sep int) int {
	i := sep
	for i > from && isSpace(s[i-1]) {
		i--
	}
	if i > from && (s[i-1] == '"' || s[i-1] == '\'') {
		i--
		for i > from && s[i-1] == '\\' {
			i--
		}
	}
	return i
}

// openQuote skips spaces and an opening quote at i. quote is 0 if there is
// none; escapes is the number of backslashes before it.
func openQuote(s string, i int) (value int, quote byte, escapes int) {
	i = skipSpace(s, i)
	j := i
	for j < len(s) && s[j] == '\\' {
		j++
	}
	if j < len(s) && (s[j] == '"' || s[j] == '\'') {
		return j + 1, s[j], j - i
	}
	return i, 0, 0
}

// closeQuote is where the value that begins at i ends: before the quote that
// is escaped as its opening one was, or at the end of s.
func closeQuote(s string, i int, quote byte, escapes int) int {
	run := 0
	for j := i; j < len(s); j++ {
		switch {
		case s[j] == '\\':
			run++
		case s[j] == quote && run == escapes:
			return j - escapes
		default:
			run = 0
		}
	}
	return len(s)
}
