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
	p := &parser{text: text, rules: make(map[string]*rule), used: make(map[string]int)}
	if p.grammar(); p.err == nil {
		p.expand()
	}
	return p.err
}

// parser walks the text once; after the first error it only stands still.
type parser struct {
	text string
	at   int
	err  error

	rules    map[string]*rule // by name; of two with one name the last
	all      []*rule          // these and what stands between parentheses
	used     map[string]int   // names and the offset of their first use
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
		r := &rule{at: p.at}
		p.rules[p.name()] = r
		if len(p.rules) > maxRules {
			p.fail(fmt.Sprintf("more than %d rules", maxRules))
		}
		p.space(false)
		if !p.accept("::=") {
			p.fail("::= is missing after a rule's name")
		}
		p.space(true)
		p.alternatives(r, false)
		if c := p.peek(); c != 0 && c != '\n' && c != '\r' {
			p.fail("a rule does not end with its line")
		}
		p.space(true)
	}
	if p.err != nil {
		return
	}
	if p.rules["root"] == nil {
		p.fail("there is no rule named root")
	}
	for name, at := range p.used {
		if p.rules[name] == nil {
			p.at = at
			p.fail("an undefined rule is referred to")
		}
	}
}

// alternatives reads what r can be.
func (p *parser) alternatives(r *rule, nested bool) {
	p.all = append(p.all, r)
	r.alts = append(r.alts, p.sequence(nested))
	for p.accept("|") {
		p.space(true)
		r.alts = append(r.alts, p.sequence(nested))
	}
}

func (p *parser) sequence(nested bool) (items []item) {
	for p.err == nil {
		size := 1
		it := item{least: 1, most: 1}
		switch c := p.peek(); {
		case c == '"':
			size = p.literal()
			it.void = size == 0
		case c == '[':
			p.class()
		case c == '(':
			it.group = p.group()
		case c == '.':
			p.at++
		case c == '<' || c == '!':
			p.token()
		case isNameByte(c):
			from := p.at
			it.ref = p.name()
			if _, ok := p.used[it.ref]; !ok {
				p.used[it.ref] = from
			}
		default:
			return items
		}
		p.elements += size
		p.space(nested)
		p.repetitions(&it, size, nested)
		items = append(items, it)
		if p.elements > maxElements {
			p.fail("its repetitions are too many")
		}
	}
	return items
}

func (p *parser) group() *rule {
	r := &rule{at: p.at}
	p.at++
	if p.depth++; p.depth > MaxDepth {
		p.fail(fmt.Sprintf("parentheses are nested deeper than %d", MaxDepth))
		return r
	}
	p.space(true)
	p.alternatives(r, true)
	if !p.accept(")") {
		p.fail("a parenthesis is not closed")
	}
	p.depth--
	return r
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
func (p *parser) repetitions(it *item, size int, nested bool) {
	for first := true; p.err == nil; first = false {
		least, most := 0, 1
		switch p.peek() {
		case '*', '?':
			p.at++
		case '+':
			p.at++
			least, most = 1, 2
		case '{':
			if least, most = p.times(nested); p.err != nil {
				return
			}
			p.elements += size * most
		default:
			return
		}
		if !first { // of what is repeated already
			*it = item{group: &rule{at: p.at, alts: [][]item{{*it}}}}
			p.all = append(p.all, it.group)
		}
		it.least, it.most = least, most
		p.space(nested)
	}
}

// times reads {m}, {m,} or {m,n}.
func (p *parser) times(nested bool) (least, most int) {
	p.at++
	p.space(nested)
	least = p.number()
	most = least
	p.space(nested)
	if p.accept(",") {
		p.space(nested)
		most = least + 1
		if p.peek() != '}' {
			most = p.number()
			p.space(nested)
		}
	}
	if !p.accept("}") || most < least {
		p.fail("a repetition is not of the form {m}, {m,} or {m,n}")
	}
	return least, most
}

func (p *parser) number() int {
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
