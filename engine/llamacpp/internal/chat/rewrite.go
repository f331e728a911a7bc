package chat

import (
	"slices"
	"strings"
)

// rewrite makes of a template one that minijinja takes. Method calls that it lacks become
// filters: a.b.split('x')[0] is (a.b|py_split('x'))[0]. What is looped over goes through a
// filter, too, see each. Marks for training are left out. Only code between template
// marks is touched; anything unbalanced is left for the parser to complain of.
func rewrite(source string) string {
	var out strings.Builder
	for source != "" {
		open := nextMark(source)
		if open < 0 {
			break
		}
		out.WriteString(source[:open])
		mark, body := source[open:open+2], source[open+2:]
		if mark == "{#" {
			end := strings.Index(body, "#}")
			if end < 0 {
				source = source[open:]
				break
			}
			out.WriteString(source[open : open+2+end+2])
			source = body[end+2:]
			continue
		}
		tokens, rest := lexCode(body, map[string]string{"{{": "}}", "{%": "%}"}[mark])
		tokens = rewriteTokens(tokens)
		if mark == "{%" {
			tokens = rewriteTag(tokens)
		}
		out.WriteString(mark)
		out.WriteString(strings.Join(tokens, ""))
		source = rest
	}
	out.WriteString(source)
	return out.String()
}

func nextMark(s string) int {
	for i := 0; i+1 < len(s); i++ {
		if s[i] == '{' && (s[i+1] == '{' || s[i+1] == '%' || s[i+1] == '#') {
			return i
		}
	}
	return -1
}

// lexCode splits code into strings, names, blanks and single characters up to
// the closing mark, which stays in rest.
func lexCode(s, closing string) (tokens []string, rest string) {
	depth := 0 // braces of a dict literal may meet the closing mark
	for s != "" {
		if depth == 0 && strings.HasPrefix(s, closing) {
			return tokens, s
		}
		n := 1
		switch c := s[0]; {
		case isQuote(c):
			for n < len(s) && s[n] != c {
				if s[n] == '\\' {
					n++
				}
				n++
			}
			n = min(n+1, len(s))
		case isWord(c):
			for n < len(s) && isWord(s[n]) {
				n++
			}
		case isBlank(c):
			for n < len(s) && isBlank(s[n]) {
				n++
			}
		case c == '{':
			depth++
		case c == '}':
			depth--
		}
		tokens = append(tokens, s[:n])
		s = s[n:]
	}
	return tokens, ""
}

func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' ||
		c >= 0x80
}

func isQuote(c byte) bool { return c == '\'' || c == '"' }

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

func rewriteTokens(in []string) []string {
	var (
		out   []string
		calls []bool // open parentheses: is it a rewritten call's?
	)
	for i := 0; i < len(in); i++ {
		if in[i] == "." && i+2 < len(in) && methods[in[i+1]] != nil && in[i+2] == "(" {
			if start := operand(out); start >= 0 {
				out = slices.Insert(out, start, "(")
				out = append(out, "|", methodPrefix+in[i+1], "(")
				calls = append(calls, true)
				i += 2
				continue
			}
		}
		out = append(out, in[i])
		switch in[i] {
		case "(":
			calls = append(calls, false)
		case ")":
			if n := len(calls) - 1; n >= 0 {
				if calls[n] {
					out = append(out, ")")
				}
				calls = calls[:n]
			}
		}
	}
	return out
}

// rewriteTag rewrites what depends on the tag that the tokens are of.
func rewriteTag(t []string) []string {
	begin, end := 0, len(t)
	control := func(tok string) bool { return tok == "-" || tok == "+" || isBlank(tok[0]) }
	for begin < end && control(t[begin]) {
		begin++
	}
	for end > begin && control(t[end-1]) {
		end--
	}
	if begin == end {
		return t
	}
	switch t[begin] {
	case "generation": // what a model is trained on
		return slices.Replace(slices.Clone(t), begin, begin+1, "if", " ", "true")
	case "endgeneration":
		return slices.Replace(slices.Clone(t), begin, begin+1, "endif")
	case "for":
		return rewriteLoop(t, begin, end)
	}
	return t
}

// rewriteLoop has the loop in t[begin:end] go over what each makes of its sequence, which
// ends at a condition of the loop's own.
func rewriteLoop(t []string, begin, end int) []string {
	from, depth := -1, 0
	for i := begin; i < end; i++ {
		switch t[i] {
		case "(", "[", "{":
			depth++
		case ")", "]", "}":
			depth--
		case "in":
			if from < 0 {
				from = i + 1
			}
		case "if", "recursive":
			if depth == 0 && from >= 0 {
				end = i
			}
		}
	}
	if from < 0 {
		return t
	}
	for from < end && isBlank(t[from][0]) {
		from++
	}
	for from < end && isBlank(t[end-1][0]) {
		end--
	}
	if from >= end {
		return t
	}
	out := append(slices.Clone(t[:from]), "(")
	out = append(out, t[from:end]...)
	return append(append(out, ")", "|", methodPrefix+eachName, "()"), t[end:]...)
}

// keywords may stand before a parenthesis or bracket without being called.
var keywords = map[string]bool{
	"in": true, "not": true, "and": true, "or": true, "if": true, "else": true, "is": true,
	"elif": true, "set": true, "for": true,
}

// operand gives the index where the expression that ends the tokens begins: a
// name, string or bracketed expression with its attributes, subscripts and
// calls. -1 if there is none.
func operand(t []string) int {
	i := len(t) - 1
	for i >= 0 {
		switch tok := t[i]; {
		case tok == ")" || tok == "]" || tok == "}":
			j := opening(t, i)
			if j < 0 {
				return -1
			}
			before := ""
			if j > 0 {
				before = t[j-1]
			}
			isPostfix := before == ")" || before == "]" ||
				before != "" && (isWord(before[0]) || isQuote(before[0])) && !keywords[before]
			if t[j] == "{" || !isPostfix {
				return j
			}
			i = j - 1
		case isWord(tok[0]) || isQuote(tok[0]):
			if i < 2 || t[i-1] != "." {
				return i
			}
			i -= 2
		default:
			return -1
		}
	}
	return -1
}

func opening(t []string, i int) int {
	depth := 0
	for ; i >= 0; i-- {
		switch t[i] {
		case ")", "]", "}":
			depth++
		case "(", "[", "{":
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}
