package grammar

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// ErrBad says that a grammar can not be used. The text names a line, never the
// grammar's own words.
var ErrBad = errors.New("grammar")

// Check tells what is wrong with a grammar, nil if nothing is.
func Check(text string) error {
	switch {
	case len(text) > MaxBytes:
		return fmt.Errorf("%w of %d bytes exceeds %d", ErrBad, len(text), MaxBytes)
	case strings.Count(text, "|") > MaxAlternatives:
		return fmt.Errorf("%w has more than %d alternatives", ErrBad, MaxAlternatives)
	case strings.IndexByte(text, 0) >= 0 || !utf8.ValidString(text):
		return fmt.Errorf("%w is not plain UTF-8 text", ErrBad)
	}
	p := &parser{text: text, defined: make(map[string]bool), used: make(map[string]int)}
	p.grammar()
	return p.err
}

// parser walks the text once; after the first error it only stands still.
type parser struct {
	text string
	at   int
	err  error

	defined  map[string]bool
	used     map[string]int // names and the offset of their first use
	depth    int
	elements int
}

func (p *parser) fail(what string) {
	if p.err == nil {
		line := 1 + strings.Count(p.text[:p.at], "\n")
		p.err = fmt.Errorf("%w: line %d: %s", ErrBad, line, what)
	}
}

// peek gives the next byte, 0 at the end or after an error.
func (p *parser) peek() byte {
	if p.err != nil || p.at >= len(p.text) {
		return 0
	}
	return p.text[p.at]
}

func (p *parser) accept(s string) bool {
	if p.err == nil && strings.HasPrefix(p.text[p.at:], s) {
		p.at += len(s)
		return true
	}
	return false
}

// space skips blanks and comments, and line ends where they mean nothing.
func (p *parser) space(lines bool) {
	for {
		switch c := p.peek(); {
		case c == ' ' || c == '\t', lines && (c == '\n' || c == '\r'):
			p.at++
		case c == '#':
			for c := p.peek(); c != 0 && c != '\n' && c != '\r'; c = p.peek() {
				p.at++
			}
		default:
			return
		}
	}
}

func isNameByte(c byte) bool {
	return c == '-' || c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func (p *parser) name() string {
	from := p.at
	for isNameByte(p.peek()) {
		p.at++
	}
	if from == p.at {
		p.fail("a rule's name is missing")
	}
	return p.text[from:p.at]
}

func (p *parser) grammar() {
	p.space(true)
	for p.err == nil && p.at < len(p.text) {
		p.defined[p.name()] = true
		if len(p.defined) > maxRules {
			p.fail(fmt.Sprintf("more than %d rules", maxRules))
		}
		p.space(false)
		if !p.accept("::=") {
			p.fail("::= is missing after a rule's name")
		}
		p.space(true)
		p.alternatives(false)
		if c := p.peek(); c != 0 && c != '\n' && c != '\r' {
			p.fail("a rule does not end with its line")
		}
		p.space(true)
	}
	if p.err != nil {
		return
	}
	if !p.defined["root"] {
		p.fail("there is no rule named root")
	}
	for name, at := range p.used {
		if !p.defined[name] {
			p.at = at
			p.fail("an undefined rule is referred to")
		}
	}
}

func (p *parser) alternatives(nested bool) {
	p.sequence(nested)
	for p.accept("|") {
		p.space(true)
		p.sequence(nested)
	}
}

func (p *parser) sequence(nested bool) {
	for p.err == nil {
		size := 1
		switch c := p.peek(); {
		case c == '"':
			size = p.literal()
		case c == '[':
			p.class()
		case c == '(':
			p.group()
		case c == '.':
			p.at++
		case c == '<' || c == '!':
			p.token()
		case isNameByte(c):
			from := p.at
			name := p.name()
			if _, ok := p.used[name]; !ok {
				p.used[name] = from
			}
		default:
			return
		}
		p.elements += size
		p.space(nested)
		p.repetitions(size, nested)
		if p.elements > maxElements {
			p.fail("its repetitions are too many")
		}
	}
}

func (p *parser) group() {
	p.at++
	if p.depth++; p.depth > MaxDepth {
		p.fail(fmt.Sprintf("parentheses are nested deeper than %d", MaxDepth))
		return
	}
	p.space(true)
	p.alternatives(true)
	if !p.accept(")") {
		p.fail("a parenthesis is not closed")
	}
	p.depth--
}

// literal reads "…" and gives its length in characters.
func (p *parser) literal() int {
	p.at++
	n := 0
	for p.err == nil && !p.accept(`"`) {
		p.char()
		n++
	}
	return n
}

// class reads […].
func (p *parser) class() {
	p.at++
	p.accept("^")
	for p.err == nil && !p.accept("]") {
		p.char()
		if p.peek() == '-' && !strings.HasPrefix(p.text[p.at:], "-]") {
			p.at++
			p.char()
		}
	}
}

// char reads one character or escape of a literal or class.
func (p *parser) char() {
	c := p.peek()
	if c == 0 {
		p.fail("a literal or character class is not closed")
		return
	}
	if c != '\\' {
		_, n := utf8.DecodeRuneInString(p.text[p.at:])
		p.at += n
		return
	}
	p.at++
	digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}
	switch c := p.peek(); c {
	case 'x', 'u', 'U':
		p.at++
		for range digits[c] {
			if !strings.ContainsRune("0123456789abcdefABCDEF", rune(p.peek())) || p.peek() == 0 {
				p.fail("an escape has too few hexadecimal digits")
				return
			}
			p.at++
		}
	case 't', 'r', 'n', '\\', '"', '[', ']', '-', '^':
		p.at++
	default:
		p.fail("an escape is not known")
	}
}

// token reads <…> or !<…>, a reference to one of the model's tokens.
func (p *parser) token() {
	p.accept("!")
	if !p.accept("<") {
		p.fail("< is missing after !")
		return
	}
	for c := p.peek(); c != '>'; c = p.peek() {
		if c == 0 || c == '\n' {
			p.fail("a token reference is not closed")
			return
		}
		p.at++
	}
	p.at++
}

// repetitions reads what may follow an element: * + ? {m} {m,} {m,n}.
func (p *parser) repetitions(size int, nested bool) {
	for p.err == nil {
		switch p.peek() {
		case '*', '+', '?':
			p.at++
		case '{':
			p.at++
			p.space(nested)
			least := p.count()
			most := least
			p.space(nested)
			if p.accept(",") {
				p.space(nested)
				if p.peek() != '}' {
					most = p.count()
					p.space(nested)
				}
			}
			if !p.accept("}") || most < least {
				p.fail("a repetition is not of the form {m}, {m,} or {m,n}")
				return
			}
			p.elements += size * most
		default:
			return
		}
		p.space(nested)
	}
}

func (p *parser) count() int {
	n, digits := 0, 0
	for c := p.peek(); c >= '0' && c <= '9'; c = p.peek() {
		if n, digits = n*10+int(c-'0'), digits+1; n > maxRepeat {
			p.fail(fmt.Sprintf("a repetition is above %d", maxRepeat))
			return 0
		}
		p.at++
	}
	if digits == 0 {
		p.fail("a repetition has no number")
	}
	return n
}
