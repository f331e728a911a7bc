package grammar

import (
	"fmt"
	"strconv"
	"strings"
)

// Grammar is a grammar as a program: states, of which each says what it waits for and
// which comes next. Immutable.
type Grammar struct {
	states []state
	starts []int32 // of each rule in use; the root's is the first
	tokens bool    // there are references to tokens
}

// state is one place of a grammar.
type state struct {
	kind  kind
	not   bool   // of a token: any but this one
	next  int32  // the state afterwards
	arg   int32  // fork: the other state; call: the rule; token: its id
	class *class // char
}

// meets says whether the state waits for a character from lo to hi.
func (s *state) meets(lo, hi rune) bool { return s.class != nil && s.class.meets(lo, hi) }

type kind uint8

const (
	end  kind = iota // of a rule
	done             // of the text
	char
	token
	fork
	call
)

// The first states of every program.
const (
	endState int32 = iota
	doneState
)

// LookUp gives the token that a grammar refers to with <think> or, by its id, with
// <[42]>; in the latter case text is empty. False: there is none.
type LookUp func(text string, id int32) (int32, bool)

// Compile makes a program of a grammar. Errors are ErrBad, and of a text that [Check]
// lets through those of lookUp alone.
func Compile(text string, lookUp LookUp) (*Grammar, error) {
	rules, err := parse(text)
	if err != nil {
		return nil, err
	}
	c := &compiler{
		g: &Grammar{states: []state{endState: {kind: end}, doneState: {kind: done}}}, rules: rules,
		numbers: make(map[*rule]int32), lookUp: lookUp, ids: make(map[string]int32),
	}
	c.number(rules["root"])
	for i := 0; i < len(c.queue); i++ {
		c.g.starts = append(c.g.starts, c.alternatives(c.queue[i], endState))
	}
	return c.g, c.err
}

type compiler struct {
	g       *Grammar
	rules   map[string]*rule
	numbers map[*rule]int32 // of the rules that are called
	queue   []*rule         // these in order
	lookUp  LookUp
	ids     map[string]int32 // of references
	err     error
}

func (c *compiler) number(r *rule) int32 {
	n, ok := c.numbers[r]
	if !ok {
		n = int32(len(c.queue))
		c.numbers[r] = n
		c.queue = append(c.queue, r)
	}
	return n
}

func (c *compiler) add(s state) int32 {
	c.g.states = append(c.g.states, s)
	return int32(len(c.g.states) - 1)
}

// alternatives adds r with next after it and gives where it begins. Programs are made
// from the end, for each state names the next one.
func (c *compiler) alternatives(r *rule, next int32) int32 {
	start := int32(-1)
	for _, alt := range r.alts {
		at := next
		for i := len(alt) - 1; i >= 0; i-- {
			at = c.repeated(&alt[i], at)
		}
		if start < 0 {
			start = at
		} else {
			start = c.add(state{kind: fork, next: start, arg: at})
		}
	}
	return start
}

func (c *compiler) repeated(it *item, next int32) int32 {
	at, least := next, it.least
	switch {
	case it.endless:
		loop := c.add(state{kind: fork, next: next})
		body := c.once(it, loop)
		c.g.states[loop].arg = body
		if at = loop; least > 0 {
			at = body
			least--
		}
	default:
		for range it.most - it.least {
			at = c.add(state{kind: fork, next: next, arg: c.once(it, at)})
		}
	}
	for range least {
		at = c.once(it, at)
	}
	return at
}

// once adds one copy of an item. What has many copies is a rule of its own, for sizes
// would multiply otherwise.
func (c *compiler) once(it *item, next int32) int32 {
	switch {
	case it.class != nil:
		return c.add(state{kind: char, class: it.class, next: next})
	case it.token != "":
		return c.add(state{kind: token, arg: c.token(it.token), not: it.not, next: next})
	case it.ref != "":
		return c.call(c.rules[it.ref], next)
	case it.group != nil && max(it.least, it.most) > 1:
		return c.call(it.group, next)
	case it.group != nil:
		return c.alternatives(it.group, next)
	}
	for i := len(it.literal) - 1; i >= 0; i-- {
		next = c.add(state{kind: char, class: single(it.literal[i]), next: next})
	}
	return next
}

func (c *compiler) call(r *rule, next int32) int32 {
	return c.add(state{kind: call, arg: c.number(r), next: next})
}

// token gives what a reference means. Of copies it is asked once, and nothing is after
// an error.
func (c *compiler) token(ref string) int32 {
	c.g.tokens = true
	id, ok := c.ids[ref]
	if ok || c.err != nil {
		return id
	}
	text, number := ref, int64(0)
	if digits, found := strings.CutPrefix(ref, "<["); found && strings.HasSuffix(digits, "]>") {
		var err error
		if number, err = strconv.ParseInt(strings.TrimSuffix(digits, "]>"), 10, 32); err != nil {
			number = -1
		}
		text = ""
	}
	if number >= 0 {
		id, ok = c.lookUp(text, int32(number))
	}
	if !ok {
		c.err = fmt.Errorf("%w: the model has no token for a token reference", ErrBad)
	}
	c.ids[ref] = id
	return id
}
