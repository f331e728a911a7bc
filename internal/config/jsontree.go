package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// node is one JSON value with the line it stands on, so that errors can name
// it. encoding/json alone drops the line and the second of two equal keys.
type node struct {
	line   int
	value  any      // string, json.Number, bool, nil, or delim for the two below
	fields []member // of an object, in file order, keys unique
	items  []*node  // of an array
	isObj  bool
	isArr  bool
}

type member struct {
	key  string
	line int
	val  *node
}

// what names the node's type in errors.
func (n *node) what() string {
	switch n.value.(type) {
	case string:
		return "a string"
	case json.Number:
		return "a number"
	case bool:
		return "true or false"
	}
	switch {
	case n.isObj:
		return "an object"
	case n.isArr:
		return "an array"
	}
	return "null"
}

// problem is one mistake in the file.
type problem struct {
	line int
	text string
}

// parseTree reads one JSON document. The problem, if any, has a line.
func parseTree(data []byte) (*node, *problem) {
	lines := lineCounter{data: data, line: 1}
	// A first pass with the strict scanner: it finds every syntax error,
	// trailing bytes included, which the token reader does not all do.
	var whole json.RawMessage
	if err := json.Unmarshal(data, &whole); err != nil {
		at := int64(len(data))
		if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
			at = syntax.Offset
		}
		return nil, &problem{lines.at(at), "not valid JSON: " + err.Error()}
	}
	if at := notText(data); at >= 0 {
		return nil, &problem{lines.at(int64(at)), `not valid UTF-8, or half a \u pair`}
	}
	b := treeBuilder{dec: json.NewDecoder(bytes.NewReader(data)), lines: lines}
	b.dec.UseNumber()
	n := b.next(0)
	if b.bad != nil {
		return nil, b.bad
	}
	return n, nil
}

// notText finds the first byte or escape of a valid JSON document that stands for
// no character, -1 if there is none. encoding/json takes each for U+FFFD.
func notText(data []byte) int {
	for i := 0; i < len(data); i++ {
		switch r, size := utf8.DecodeRune(data[i:]); {
		case r == utf8.RuneError && size == 1:
			return i
		case r != '\\':
			i += size - 1
		case !utf16.IsSurrogate(escaped(data[i:])):
			i++ // what is escaped may be a backslash
		case utf16.DecodeRune(escaped(data[i:]), escaped(data[i+6:])) == utf8.RuneError:
			return i
		default:
			i += 11 // a pair
		}
	}
	return -1
}

// escaped is the value of the escape \uXXXX that text begins with, else -1.
func escaped(text []byte) rune {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return -1
	}
	v, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	if err != nil {
		return -1
	}
	return rune(v)
}

// treeBuilder turns tokens into nodes. After the first problem it stops.
type treeBuilder struct {
	dec   *json.Decoder
	lines lineCounter
	bad   *problem
}

func (b *treeBuilder) fail(format string, args ...any) *node {
	if b.bad == nil {
		b.bad = &problem{b.lines.at(b.dec.InputOffset()), fmt.Sprintf(format, args...)}
	}
	return nil
}

func (b *treeBuilder) token() json.Token {
	tok, err := b.dec.Token()
	if err != nil && !errors.Is(err, io.EOF) {
		b.fail("not valid JSON: %v", err)
	}
	return tok
}

func (b *treeBuilder) next(depth int) *node {
	if depth > maxDepth {
		return b.fail("nested deeper than %d levels", maxDepth)
	}
	tok := b.token()
	if b.bad != nil {
		return nil
	}
	n := &node{line: b.lines.at(b.dec.InputOffset())}
	switch tok {
	case json.Delim('{'):
		n.isObj = true
		b.object(n, depth)
	case json.Delim('['):
		n.isArr = true
		for b.bad == nil && b.dec.More() {
			n.items = append(n.items, b.next(depth+1))
		}
		b.token()
	default:
		n.value = tok
	}
	return n
}

func (b *treeBuilder) object(n *node, depth int) {
	seen := make(map[string]int)
	for b.bad == nil && b.dec.More() {
		key, _ := b.token().(string)
		line := b.lines.at(b.dec.InputOffset())
		if first, ok := seen[key]; ok {
			b.fail("%s: duplicate key; the first is on line %d", printable(key), first)
			return
		}
		seen[key] = line
		n.fields = append(n.fields, member{key, line, b.next(depth + 1)})
	}
	b.token()
}

// lineCounter turns rising offsets into line numbers in linear time.
type lineCounter struct {
	data []byte
	pos  int64
	line int
}

func (l *lineCounter) at(offset int64) int {
	offset = min(max(offset, l.pos), int64(len(l.data)))
	l.line += bytes.Count(l.data[l.pos:offset], []byte{'\n'})
	l.pos = offset
	return l.line
}

// printable quotes a key from the file if it holds anything but plain
// characters, and cuts it: it goes to a terminal and a log.
func printable(key string) string {
	const maxRunes = 64
	if r := []rune(key); len(r) > maxRunes {
		key = string(r[:maxRunes]) + "..."
	}
	for _, r := range key {
		if r <= ' ' || r > '~' {
			return strings.Trim(fmt.Sprintf("%q", key), " ")
		}
	}
	if key == "" {
		return `""`
	}
	return key
}
