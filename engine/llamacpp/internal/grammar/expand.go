package grammar

import "fmt"

// llama.cpp follows every way in which a grammar can go on from a place to the next
// character, and keeps each as a stack of its own. Rules that begin with two others,
// which begin with two others, and so on, have more ways than there is memory, in a
// few hundred bytes. So the ways are counted first, without being followed.

// rule is a rule or what stands between parentheses.
type rule struct {
	at   int // offset in the text
	alts [][]item

	state stage
	ways
}

// item is one element of a sequence with its repetitions.
type item struct {
	ref         string // a rule's name; else group or a terminal
	group       *rule  // nil for a terminal
	void        bool   // the empty literal
	least, most int    // copies; most is least + 1 for those without end
}

type stage uint8

const (
	uncounted stage = iota
	counting
	counted
)

// ways are how many paths lead from a place to a character (chars) and to the end
// without one (ends), and how much there is to remember on the way to the characters
// (memory: the places to go on from afterwards, of all paths). Each is at most one
// above its limit.
type ways struct{ chars, ends, memory int }

func (w ways) capped() ways {
	return ways{min(w.chars, maxWays+1), min(w.ends, maxWays+1), min(w.memory, maxMemory+1)}
}

func (w ways) tooMany() bool {
	return w.chars > maxWays || w.ends > maxWays || w.memory > maxMemory
}

// then is w followed by next.
func (w ways) then(next ways) ways {
	return ways{
		w.chars + w.ends*next.chars, w.ends * next.ends, w.memory + w.chars + w.ends*next.memory,
	}.capped()
}

// or is w beside other.
func (w ways) or(other ways) ways {
	return ways{w.chars + other.chars, w.ends + other.ends, w.memory + other.memory}.capped()
}

// expand counts the ways from every place of the grammar.
func (p *parser) expand() {
	for _, r := range p.all {
		if p.count(r); p.err != nil {
			return
		}
	}
	for _, r := range p.all {
		for _, alt := range r.alts {
			rest := ways{ends: 1}
			for i := len(alt) - 1; i >= 0 && p.err == nil; i-- {
				if rest = p.waysOf(alt[i]).then(rest); rest.tooMany() {
					p.at = r.at
					p.fail(fmt.Sprintf("it can go on in more than %d ways, or in deep ones", maxWays))
				}
			}
		}
	}
}

// count counts the ways into a rule. It looks at no more than what a character can
// begin with, so that it meets a rule that it is counting only if that begins with
// itself.
func (p *parser) count(r *rule) {
	switch {
	case p.err != nil || r.state == counted:
		return
	case r.state == counting:
		p.at = r.at
		p.fail("a rule begins with itself")
		return
	}
	r.state = counting
	var sum ways
	for _, alt := range r.alts {
		w := ways{ends: 1}
		for _, it := range alt {
			if w.ends == 0 {
				break
			}
			w = w.then(p.waysOf(it))
		}
		sum = sum.or(w)
	}
	r.ways, r.state = sum, counted
}

// waysOf counts the ways into an item.
func (p *parser) waysOf(it item) ways {
	w := ways{chars: 1}
	switch {
	case it.void:
		w = ways{ends: 1}
	case it.ref != "":
		r := p.rules[it.ref]
		p.count(r)
		w = r.ways
	case it.group != nil:
		p.count(it.group)
		w = it.group.ways
	}
	all := ways{ends: 1}
	for range it.least {
		if all.ends == 0 {
			return all
		}
		all = all.then(w)
	}
	rest := ways{ends: 1} // what may follow: (w (w …)?)?
	for range it.most - it.least {
		next := w.then(rest).or(ways{ends: 1})
		if next.chars == rest.chars && next.ends == rest.ends { // one level deeper is no matter
			break
		}
		rest = next
	}
	return all.then(rest)
}
