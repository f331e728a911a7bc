package redact

import "strings"

// A rule finds the first match in s that begins at or after from. start is
// negative if there is none. Each finder reads every byte a bounded number of
// times, so a rule is linear in len(s).
type rule struct {
	token string
	find  func(s string, from int, open bool) (start, end int)
}

// rules run in this order, each over what the one before it left: a header that
// carries a token is one secret, not two.
var rules = [...]rule{
	{authToken, findAuth},
	{kvToken, findKV},
	{kvToken, findUserinfo},
	{jwtToken, findJWT},
	{keyToken, findKey},
	{awsAccessToken, func(s string, from int, _ bool) (int, int) { return findAWS(s, from, "AKIA") }},
	{awsSessionToken, func(s string, from int, _ bool) (int, int) { return findAWS(s, from, "ASIA") }},
}

// secretWords announce a secret value, in lower case.
var secretWords = [...]string{
	"password", "passwd", "pwd", "api_key", "api-key", "apikey", "secret", "token",
}

// findAuth matches an authorization header: the word, a separator, a scheme
// and at least minAuthBytes of credential.
func findAuth(s string, from int, _ bool) (int, int) {
	for i := from; i < len(s); i++ {
		if s[i] != ':' && s[i] != '=' {
			continue
		}
		key := s[from:keyEnd(s, from, i)]
		if !hasSuffixFold(key, "authorization") {
			continue
		}
		v, _, _ := openQuote(s, i+1)
		scheme := 0
		for _, word := range [...]string{"bearer", "basic", "token"} {
			if len(s)-v > len(word) && strings.EqualFold(s[v:v+len(word)], word) {
				scheme = len(word)
			}
		}
		if scheme == 0 {
			continue
		}
		begin := skipSpace(s, v+scheme)
		end := begin
		for end < len(s) && credentialByte[s[end]] {
			end++
		}
		if begin > v+scheme && end-begin >= minAuthBytes {
			return from + len(key) - len("authorization"), end
		}
	}
	return -1, 0
}

// findKV matches a secret word, quoted or not, a separator and a value. The
// match begins at the word and ends with the value; a closing quote stays.
func findKV(s string, from int, _ bool) (int, int) {
	for i := from; i < len(s); i++ {
		if s[i] != ':' && s[i] != '=' {
			continue
		}
		stop := keyEnd(s, from, i)
		start := wordStart(s, from, stop)
		if start < 0 {
			continue
		}
		v, quote, escapes := openQuote(s, i+1)
		if quote != 0 {
			if end := closeQuote(s, v, quote, escapes); end > v {
				return start, end
			}
			continue
		}
		end := v
		for end < len(s) && !valueStop(s[end]) {
			end++
		}
		if end-v >= minValueBytes {
			return start, end
		}
	}
	return -1, 0
}

// wordStart is where the secret word that ends at stop begins, or -1. An
// underscore before it is a boundary here, for OPENAI_API_KEY=… and
// access_token=… are what leaks in practice.
func wordStart(s string, from, stop int) int {
	for _, word := range secretWords {
		start := stop - len(word)
		if start < from || !strings.EqualFold(s[start:stop], word) {
			continue
		}
		if start == 0 || s[start-1] == '_' || !wordByte[s[start-1]] {
			return start
		}
	}
	return -1
}

// findUserinfo matches name:password between a URL's :// and its @, as in an
// upstream's base URL. A bracket is never part of it (it must be escaped
// there), but it begins the mark that another rule left.
func findUserinfo(s string, from int, _ bool) (int, int) {
	for i := from; ; {
		at := strings.Index(s[i:], "://")
		if at < 0 {
			return -1, 0
		}
		start := i + at + len("://")
		end, colon := start, false
		for end < len(s) && !strings.ContainsRune("@/[", rune(s[end])) && !valueStop(s[end]) {
			colon = colon || s[end] == ':'
			end++
		}
		if end < len(s) && s[end] == '@' && colon {
			return start, end
		}
		i = start
	}
}

// findJWT matches three dotted base64url parts of which the first begins eyJ.
// If s was cut off, parts that reach its end count as whole.
func findJWT(s string, from int, open bool) (int, int) {
	for i := from; i+3 < len(s); {
		at := strings.Index(s[i:], "eyJ")
		if at < 0 {
			break
		}
		start := i + at
		if !boundaryBefore(s, start) {
			i = start + 3
			continue
		}
		first := base64Run(s, start+3)
		if open && first == len(s) {
			return start, first
		}
		end, ok := moreParts(s, first, open)
		if ok && first > start+3 {
			return start, end
		}
		// Whatever begins inside this run ends where it ends, and fails too.
		i = max(first, start+3)
	}
	return -1, 0
}

// moreParts reads the second and third part of a token whose first ends at i.
func moreParts(s string, i int, open bool) (end int, ok bool) {
	for range 2 {
		if i >= len(s) || s[i] != '.' {
			return 0, false
		}
		next := base64Run(s, i+1)
		if open && next == len(s) {
			return next, true
		}
		if next == i+1 {
			return 0, false
		}
		i = next
	}
	return i, true
}

// A keyShape is a vendor's prefix and what must follow it.
type keyShape struct {
	prefix string
	bytes  int  // at least
	inner  bool // hyphens and underscores may be inside: sk-ant-…, sk-proj-…
}

var keyShapes = [...]keyShape{
	{"sk-", 16, true},
	{"xoxb-", 10, true},
	{"xoxa-", 10, true},
	{"xoxp-", 10, true},
	{"xoxs-", 10, true},
	{"ghp_", 20, false},
	{"gho_", 20, false},
	{"ghs_", 20, false},
	{"ghu_", 20, false},
	{"github_pat_", 20, true},
	{"glpat-", 16, true},
	{"hf_", 20, false},
	{"pat-", 16, true},
	{"thingspat_", 16, true},
}

// lastButOne and lastButTwo hold the bytes before a prefix's last. Checking
// both spares a UUID's hyphens the walk over all shapes.
var lastButOne, lastButTwo = func() (one, two [256]bool) {
	for _, k := range keyShapes {
		one[k.prefix[len(k.prefix)-2]] = true
		two[k.prefix[len(k.prefix)-3]] = true
	}
	return one, two
}()

// endsKeyPrefix reports whether the hyphen or underscore at i may end a prefix.
func endsKeyPrefix(s string, i int) bool {
	return i >= 2 && lastButOne[s[i-1]] && lastButTwo[s[i-2]]
}

// keyPrefix is the shape whose prefix ends at end, or nil.
func keyPrefix(s string, end int) *keyShape {
	for i := range keyShapes {
		k := &keyShapes[i]
		if strings.HasSuffix(s[:end], k.prefix) && boundaryBefore(s, end-len(k.prefix)) {
			return k
		}
	}
	return nil
}

// findKey matches a vendor's key by its prefix.
func findKey(s string, from int, _ bool) (int, int) {
	for i := from; i < len(s); i++ {
		if s[i] != '-' && s[i] != '_' || !endsKeyPrefix(s, i) {
			continue
		}
		k := keyPrefix(s, i+1)
		if k == nil || i+1-len(k.prefix) < from {
			continue
		}
		end := i + 1
		for end < len(s) && (alnumByte[s[end]] || k.inner && (s[end] == '-' || s[end] == '_')) {
			end++
		}
		if end-(i+1) >= k.bytes {
			return i + 1 - len(k.prefix), end
		}
	}
	return -1, 0
}

// findAWS matches an AWS key id: the prefix and exactly awsIDBytes capitals or
// digits, standing alone.
func findAWS(s string, from int, prefix string) (int, int) {
	for i := from; ; {
		at := strings.Index(s[i:], prefix)
		if at < 0 {
			return -1, 0
		}
		start := i + at
		end := start + len(prefix)
		for end < len(s) && upperByte[s[end]] {
			end++
		}
		alone := boundaryBefore(s, start) && (end == len(s) || !wordByte[s[end]])
		if alone && end-start-len(prefix) == awsIDBytes {
			return start, end
		}
		i = start + len(prefix)
		if end > i && boundaryBefore(s, start) {
			i = end // nothing inside this run stands alone
		}
	}
}
