package grammar

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// ErrBad says that a grammar can not be used. The text names a line, never the
// grammar's own words.
var ErrBad = errors.New("grammar")

// Check tells what is wrong with a grammar, nil if nothing is. What it lets through
// [Compile] refuses for tokens that a model does not have, and for nothing else.
func Check(text string) error {
	_, err := parse(text)
	return err
}

// rule is a rule or what stands between parentheses: one of its sequences.
type rule struct{ alts [][]item }

// item is one element of a sequence with its repetitions. Of the first five one is set.
type item struct {
	literal []rune
	class   *class
	token   string // a reference to one of the model's tokens, see [Compile]
	ref     string // a rule's name
	group   *rule

	not         bool // any token but this one
	least, most int  // copies; endless: most does not count
	endless     bool
}

func parse(text string) (map[string]*rule, error) {
	switch {
	case len(text) > MaxBytes:
		return nil, fmt.Errorf("%w of %d bytes exceeds %d", ErrBad, len(text), MaxBytes)
	case strings.Count(text, "|") > MaxAlternatives:
		return nil, fmt.Errorf("%w has more than %d alternatives", ErrBad, MaxAlternatives)
	case strings.IndexByte(text, 0) >= 0 || !utf8.ValidString(text):
		return nil, fmt.Errorf("%w is not plain UTF-8 text", ErrBad)
	}
	p := &parser{text: text, rules: make(map[string]*rule), used: make(map[string]int)}
	p.grammar()
	return p.rules, p.err
}

// parser walks the text once; after the first error it only stands still.
type parser struct {
	text string
	at   int
	err  error

	rules    map[string]*rule // by name; of two with one name the last
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
	return c == '-' || c == '_' || c >= '0' && c <= '9' ||
		c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
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
		r := new(rule)
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
	first := len(p.text)
	for name, at := range p.used {
		if p.rules[name] == nil {
			first = min(first, at)
		}
	}
	if first < len(p.text) {
		p.at = first
		p.fail("an undefined rule is referred to")
	}
}

// alternatives reads what r can be.
func (p *parser) alternatives(r *rule, nested bool) {
	r.alts = append(r.alts, p.sequence(nested))
	for p.accept("|") {
		p.space(true)
		r.alts = append(r.alts, p.sequence(nested))
	}
}

func (p *parser) sequence(nested bool) (items []item) {
	for p.err == nil {
		it := item{least: 1, most: 1}
		size := 1
		switch c := p.peek(); {
		case c == '"':
			it.literal = p.literal()
			size = len(it.literal)
		case c == '[':
			it.class = p.class()
		case c == '(':
			it.group = p.group()
		case c == '.':
			p.at++
			it.class = characters
		case c == '<' || c == '!':
			it.not = p.accept("!")
			it.token = p.token()
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
	r := new(rule)
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

// literal reads "…".
func (p *parser) literal() (text []rune) {
	p.at++
	for p.err == nil && !p.accept(`"`) {
		text = append(text, p.char())
	}
	return text
}

// class reads […].
func (p *parser) class() *class {
	p.at++
	not := p.accept("^")
	var spans []span
	for p.err == nil && !p.accept("]") {
		lo := p.char()
		hi := lo
		if p.peek() == '-' && !strings.HasPrefix(p.text[p.at:], "-]") {
			p.at++
			hi = p.char()
		}
		spans = append(spans, span{lo, hi})
	}
	if len(spans) == 0 {
		p.fail("a character class is empty")
	}
	return newClass(spans, not)
}

// char reads one character or escape of a literal or class.
func (p *parser) char() rune {
	c := p.peek()
	if c == 0 {
		p.fail("a literal or character class is not closed")
		return 0
	}
	if c != '\\' {
		r, n := utf8.DecodeRuneInString(p.text[p.at:])
		p.at += n
		return r
	}
	p.at++
	c = p.peek()
	p.at++
	switch c {
	case 'x':
		return p.hex(2)
	case 'u':
		return p.hex(4)
	case 'U':
		return p.hex(8)
	case 't':
		return '\t'
	case 'r':
		return '\r'
	case 'n':
		return '\n'
	case '\\', '"', '[', ']', '-', '^':
		return rune(c)
	}
	p.at--
	p.fail("an escape is not known")
	return 0
}

// hex reads a character's number; one that is none can not be met.
func (p *parser) hex(digits int) rune {
	end := min(p.at+digits, len(p.text))
	n, err := strconv.ParseUint(p.text[p.at:end], 16, 32)
	if err != nil || end-p.at < digits {
		p.fail("an escape has too few hexadecimal digits")
		return 0
	}
	p.at = end
	return rune(min(n, utf8.MaxRune+1))
}

// token reads <…>.
func (p *parser) token() string {
	from := p.at
	if !p.accept("<") {
		p.fail("< is missing after !")
		return ""
	}
	for c := p.peek(); c != '>'; c = p.peek() {
		if c == 0 || c == '\n' {
			p.fail("a token reference is not closed")
			return ""
		}
		p.at++
	}
	p.at++
	if p.at-from > maxTokenName {
		p.fail("a token reference is too long")
	}
	return p.text[from:p.at]
}

// repetitions reads what may follow an element: * + ? {m} {m,} {m,n}.
func (p *parser) repetitions(it *item, size int, nested bool) {
	for first := true; p.err == nil; first = false {
		least, most, endless := 0, 1, false
		switch p.peek() {
		case '?':
			p.at++
		case '*':
			p.at++
			endless = true
		case '+':
			p.at++
			least, endless = 1, true
		case '{':
			least, most, endless = p.times(nested)
		default:
			return
		}
		if p.err != nil {
			return
		}
		if !first { // of what is repeated already
			*it = item{group: &rule{alts: [][]item{{*it}}}}
			size = 1
		}
		it.least, it.most, it.endless = least, most, endless
		p.elements += size * max(least, most)
		p.space(nested)
	}
}

// times reads {m}, {m,} or {m,n}.
func (p *parser) times(nested bool) (least, most int, endless bool) {
	p.at++
	p.space(nested)
	least = p.number()
	most = least
	p.space(nested)
	if p.accept(",") {
		p.space(nested)
		if endless = p.peek() == '}'; !endless {
			most = p.number()
			p.space(nested)
		}
	}
	if !p.accept("}") || most < least {
		p.fail("a repetition is not of the form {m}, {m,} or {m,n}")
	}
	return least, most, endless
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
