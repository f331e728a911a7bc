package grammar

import (
	"errors"
	"unicode/utf8"
)

// ErrAmbiguous ends a text that has so many readings that it is no use to follow them.
var ErrAmbiguous = errors.New(
	"the grammar is too ambiguous: the ways to read the text became too many")

// errNotAllowed is a caller's mistake.
var errNotAllowed = errors.New("a token was accepted that is not allowed")

// Matcher follows one generation through a grammar. It belongs to one goroutine. Tokens
// are ids of its vocabulary. Errors are ErrAmbiguous, and after one it is of no more use.
type Matcher struct {
	grammar *Grammar
	vocab   *Vocabulary
	build   builder

	at   place
	path []place // Allowed's: after each byte of the token it looks at
	held int     // more than what the sets on the way here hold
}

// place is where a text has come to: a set, and what is known of the next character
// from its first bytes.
type place struct {
	set    *set
	need   int8 // bytes of the character still to come; 0: it has not begun
	lo, hi rune // what it can be
}

// NewMatcher begins a text. Safe to call from any goroutine.
func (g *Grammar) NewMatcher(v *Vocabulary) (*Matcher, error) {
	m := &Matcher{grammar: g, vocab: v, build: newBuilder(g)}
	m.at.set = m.build.first()
	return m, m.arrived(nil)
}

// Allows says whether a token can follow.
func (m *Matcher) Allows(id int32) (bool, error) {
	switch {
	case m.named().has(id, m.vocab):
		return true, nil
	case m.vocab.ends[id]:
		return m.mayEnd(), nil
	}
	return m.walk(m.vocab.texts[id]).set != nil, m.build.err()
}

// Allowed appends the tokens that can follow to dst, each once.
func (m *Matcher) Allowed(dst []int32) ([]int32, error) {
	named := m.named()
	if named.any() {
		for id := range m.vocab.texts {
			if named.has(int32(id), m.vocab) {
				dst = append(dst, int32(id))
			}
		}
	}
	if m.mayEnd() {
		for _, id := range m.vocab.enders {
			if !named.has(id, m.vocab) {
				dst = append(dst, id)
			}
		}
	}
	before := m.build.work
	m.build.work += workPerEntry * len(m.vocab.order)
	defer func() { m.build.work = min(m.build.work, before) }()
	m.path = append(m.path[:0], m.at)
	for i, id := range m.vocab.order {
		shared := int(m.vocab.shared[i])
		if shared >= len(m.path) { // the byte that could not follow is one of them
			continue
		}
		m.path = m.path[:shared+1]
		text := m.vocab.texts[id]
		for n := shared; n < len(text); n++ {
			to := m.step(m.path[n], text[n])
			if to.set == nil {
				break
			}
			m.path = append(m.path, to)
		}
		if len(m.path) == len(text)+1 && !named.has(id, m.vocab) {
			dst = append(dst, id)
		}
		if err := m.build.err(); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// Accept goes on to what follows a token that is allowed; one that is not is an error. Of
// one that the grammar names, and spells out as well, it takes the name.
func (m *Matcher) Accept(id int32) error {
	m.build.refill()
	before := m.at.set
	switch {
	case m.named().has(id, m.vocab):
		takes := func(s *state) bool { return s.takes(id, m.vocab) }
		m.at = place{set: m.build.nextToken(m.at.set, takes)}
		m.hold(m.at.set)
	case m.vocab.ends[id]:
		return nil
	case m.vocab.texts[id] == "":
		m.at = place{}
	default:
		for text := m.vocab.texts[id]; text != "" && m.at.set != nil; text = text[1:] {
			from := m.at.set
			if m.at = m.step(m.at, text[0]); m.at.set != from {
				m.hold(m.at.set)
			}
		}
	}
	return m.arrived(before)
}

func (m *Matcher) hold(s *set) {
	if s != nil {
		m.held += s.size
	}
}

// arrived checks where the matcher is now.
func (m *Matcher) arrived(before *set) error {
	switch {
	case m.build.err() != nil:
		return m.build.err()
	case m.at.set == nil:
		return errNotAllowed
	case m.at.set != before:
		m.at.set.after = nil // what was tried from here on
	}
	if m.held > maxHeld {
		if m.held = m.at.set.holds(); m.held > maxHeld/2 { // it would be counted again soon
			return ErrAmbiguous
		}
	}
	return nil
}

// mayEnd says whether the text may end here.
func (m *Matcher) mayEnd() bool { return m.at.need == 0 && m.at.set.done }

// walk follows a text from where the matcher is; no set: it can not follow.
func (m *Matcher) walk(text string) place {
	if text == "" {
		return place{}
	}
	at := m.at
	for i := 0; i < len(text) && at.set != nil; i++ {
		at = m.step(at, text[i])
	}
	return at
}

// step goes on by one byte; no set: it can not follow.
func (m *Matcher) step(at place, b byte) place {
	switch {
	case at.need == 0 && b < utf8.RuneSelf:
		return place{set: m.build.next(at.set, rune(b))}
	case at.need == 0:
		at = firstByte(at, b)
	case b&0xC0 != 0x80:
		return place{}
	default:
		at.need--
		shift := 6 * int(at.need)
		lo := at.lo&^(1<<(shift+6)-1) | rune(b&0x3F)<<shift
		at.lo, at.hi = max(at.lo, lo), min(at.hi, lo|(1<<shift-1))
	}
	switch {
	case at.set == nil || at.lo > at.hi:
		return place{}
	case at.need == 0:
		return place{set: m.build.next(at.set, at.lo)}
	case !m.build.meets(at.set, at.lo, at.hi):
		return place{}
	}
	return at
}

// firstByte is at after the first byte of a character that has more; no set: none
// begins so.
func firstByte(at place, b byte) place {
	switch {
	case b >= 0xC2 && b < 0xE0:
		at.need, at.lo = 1, rune(b&0x1F)<<6
		at.hi = at.lo | (1<<6 - 1)
	case b >= 0xE0 && b < 0xF0:
		at.need, at.lo = 2, rune(b&0x0F)<<12
		at.hi = at.lo | (1<<12 - 1)
		at.lo = max(at.lo, 0x800)
	case b >= 0xF0 && b < 0xF5:
		at.need, at.lo = 3, rune(b&0x07)<<18
		at.hi = min(at.lo|(1<<18-1), utf8.MaxRune)
		at.lo = max(at.lo, 0x10000)
	default:
		return place{}
	}
	return at
}
