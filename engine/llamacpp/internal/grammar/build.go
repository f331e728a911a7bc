package grammar

import (
	"cmp"
	"hash/maphash"
	"slices"
	"unicode/utf8"
)

// set is where all readings of a text are after one of its characters. It belongs to
// one matcher; but for what the builder remembers in it, it does not change.
type set struct {
	items []waiting
	done  bool // the text may end here
	size  int  // rules begun here, and their returns

	ascii [2]uint64 // characters that one of the items waits for
	any   *class    // the same of all characters; nil until it is needed, see meets
	after []edge
}

// edge is the set after a character that those items wait for that through has a bit
// for.
type edge struct {
	through uint64
	to      *set
}

// waiting is a reading: it waits in a state, within a rule begun earlier.
type waiting struct {
	state int32
	in    *begun
}

// begun is a rule that was begun at one place, by whatever readings: all go on after it
// where it returns to.
type begun struct {
	set     uint64 // the number of the one it was begun in
	rule    int32
	ended   bool // in the same set: it can be empty
	returns []waiting
	as      *begun // the one that stands for it, see settle; nil while its set is made
	open    bool   // it is being settled
}

// way is one of the returns of a rule.
type way struct {
	from *begun
	to   waiting
}

// builder makes sets. What it uses for one it uses again for the next.
type builder struct {
	grammar *Grammar
	work    int // what is left of it

	number uint64 // of the set in the making
	set    *set
	begun  []*begun // in it, in order
	rules  []*begun // the same by the rule's number
	items  []waiting
	todo   []waiting
	seen   map[waiting]struct{}
	known  map[way]struct{}
	flat   []waiting

	seed    maphash.Seed
	settled map[uint64]*begun // by rule and returns
	stored  int               // size of settled
}

func newBuilder(g *Grammar) builder {
	return builder{
		grammar: g, work: maxWork, rules: make([]*begun, len(g.starts)),
		seen: make(map[waiting]struct{}), known: make(map[way]struct{}),
		seed: maphash.MakeSeed(), settled: make(map[uint64]*begun),
	}
}

// err says that the work is used up. What the builder gave since is worth nothing.
func (b *builder) err() error {
	if b.work < 0 {
		return ErrAmbiguous
	}
	return nil
}

// refill adds the work of one more token.
func (b *builder) refill() {
	if b.work >= 0 {
		b.work = min(b.work+workPerToken, maxWork)
	}
}

// first gives the set before the first character.
func (b *builder) first() *set {
	b.begin()
	b.call(0, waiting{state: doneState})
	return b.finish(nil)
}

// next gives the set after r; nil: it can not follow.
func (b *builder) next(from *set, r rune) *set {
	if !b.meets(from, r, r) {
		return nil
	}
	b.work -= len(from.items)
	through := uint64(0)
	if len(from.items) <= maxEdgeItems {
		for i, it := range from.items {
			if b.state(it).meets(r, r) {
				through |= 1 << i
			}
		}
		for _, e := range from.after {
			if e.through == through {
				return e.to
			}
		}
	}
	b.begin()
	for _, it := range from.items {
		if s := b.state(it); s.meets(r, r) {
			b.push(waiting{s.next, it.in})
		}
	}
	to := b.finish(from)
	if through != 0 && to != nil {
		from.after = append(from.after, edge{through, to})
	}
	return to
}

// nextToken gives the set after a token that the grammar names.
func (b *builder) nextToken(from *set, takes func(*state) bool) *set {
	b.begin()
	for _, it := range from.items {
		if s := b.state(it); s.kind == token && takes(s) {
			b.push(waiting{s.next, it.in})
		}
	}
	return b.finish(nil)
}

// meets says whether a character from lo to hi can follow.
func (b *builder) meets(s *set, lo, hi rune) bool {
	switch {
	case lo == hi && lo < utf8.RuneSelf:
		return s.ascii[lo/64]>>(lo%64)&1 != 0
	case len(s.items) <= maxDirect:
		b.work -= len(s.items)
		return slices.ContainsFunc(s.items, func(it waiting) bool { return b.state(it).meets(lo, hi) })
	case s.any == nil:
		var spans []span
		for _, it := range s.items {
			if c := b.state(it).class; c != nil && len(spans) <= b.work {
				spans = append(spans, c.spans...)
			}
		}
		b.work -= len(spans)
		s.any = newClass(spans, false)
	}
	return s.any.meets(lo, hi)
}

func (b *builder) state(w waiting) *state { return &b.grammar.states[w.state] }

func (b *builder) begin() {
	b.number++
	b.set = new(set)
	b.begun, b.items, b.todo = b.begun[:0], b.items[:0], b.todo[:0]
	b.seen, b.known = emptied(b.seen), emptied(b.known)
}

// emptied is m without its elements, and without the memory of many.
func emptied[K comparable](m map[K]struct{}) map[K]struct{} {
	if len(m) > maxKeptEntries {
		return make(map[K]struct{})
	}
	clear(m)
	return m
}

// push has a reading followed to where it waits.
func (b *builder) push(w waiting) {
	b.work -= workPerState
	if _, ok := b.seen[w]; !ok {
		b.seen[w] = struct{}{}
		b.todo = append(b.todo, w)
	}
}

// finish follows what was pushed and all that comes of it; nil: it was too much work.
// A set as the one before it is that one: so the insides of a string are a single set.
func (b *builder) finish(from *set) *set {
	for len(b.todo) > 0 && b.work >= 0 {
		w := b.todo[len(b.todo)-1]
		b.todo = b.todo[:len(b.todo)-1]
		b.follow(w)
	}
	b.settle()
	switch {
	case b.work < 0:
		return nil
	case from != nil && from.done == b.set.done && slices.Equal(from.items, b.items):
		return from
	}
	b.set.items = slices.Clone(b.items)
	return b.set
}

// settle puts earlier rules in the place of those begun now that return to the same:
// the same follows from there on. Without it a text of words that can be split into
// words anywhere would have a reading more with each character.
func (b *builder) settle() {
	clear(b.seen)
	for _, n := range b.begun {
		b.rules[n.rule] = nil
		b.settleOne(n)
		if n.as == n {
			b.set.size += n.size()
		}
	}
	items := b.items[:0]
	for _, w := range b.items {
		if w.in.set == b.number {
			w.in = w.in.as
		}
		if _, ok := b.seen[w]; !ok {
			b.seen[w] = struct{}{}
			items = append(items, w)
		}
	}
	b.items = items
}

// settleOne finds what stands for n once that is known of all rules that it returns to:
// not where it returns to itself.
func (b *builder) settleOne(n *begun) {
	if n.as != nil {
		return
	}
	n.as, n.open = n, true
	round := false
	for i := range n.returns {
		if in := n.returns[i].in; in != nil && in.set == b.number {
			b.settleOne(in)
			n.returns[i].in = in.as
			round = round || in.open
		}
	}
	n.open = false
	if round {
		return
	}
	slices.SortFunc(n.returns, func(v, w waiting) int {
		if order := cmp.Compare(v.state, w.state); order != 0 || v.in == w.in {
			return order
		}
		return cmp.Or(cmp.Compare(v.in.set, w.in.set), cmp.Compare(v.in.rule, w.in.rule))
	})
	n.returns = slices.Compact(n.returns)
	h := maphash.Comparable(b.seed, n.rule)
	for _, w := range n.returns {
		h = maphash.Comparable(b.seed, hashed{h, w})
	}
	if o := b.settled[h]; o != nil && o.rule == n.rule && slices.Equal(o.returns, n.returns) {
		n.as = o
		return
	}
	if b.stored += n.size(); b.stored > maxSettled {
		b.settled, b.stored = make(map[uint64]*begun), n.size()
	}
	b.settled[h] = n
}

type hashed struct {
	before uint64
	next   waiting
}

func (n *begun) size() int { return 1 + len(n.returns) }

func (b *builder) follow(w waiting) {
	switch s := b.state(w); s.kind {
	case char:
		b.items = append(b.items, w)
		b.set.ascii[0] |= s.class.ascii[0]
		b.set.ascii[1] |= s.class.ascii[1]
	case token:
		b.items = append(b.items, w)
	case fork:
		b.push(waiting{s.next, w.in})
		b.push(waiting{s.arg, w.in})
	case call:
		b.call(s.arg, waiting{s.next, w.in})
	case end:
		if w.in.set == b.number {
			w.in.ended = true
		}
		for _, to := range w.in.returns {
			b.push(to)
		}
	case done:
		b.set.done = true
	}
}

// call begins a rule that returns to to.
func (b *builder) call(rule int32, to waiting) {
	n := b.rules[rule]
	if n == nil {
		n = &begun{set: b.number, rule: rule}
		b.rules[rule] = n
		b.begun = append(b.begun, n)
		b.push(waiting{b.grammar.starts[rule], n})
	}
	// Where nothing comes after the rule but the end of the one that calls it, n returns
	// to where that one does: each rule that ends would end all others of a long row.
	// Of rules begun in this set it is not known yet.
	b.flat = append(b.flat[:0], to)
	for len(b.flat) > 0 && b.work >= 0 {
		b.work -= workPerState
		to := b.flat[len(b.flat)-1]
		b.flat = b.flat[:len(b.flat)-1]
		if _, ok := b.known[way{n, to}]; ok {
			continue
		}
		b.known[way{n, to}] = struct{}{}
		if to.state == endState && to.in.set != b.number {
			b.flat = append(b.flat, to.in.returns...)
			continue
		}
		n.returns = append(n.returns, to)
		if n.ended {
			b.push(to)
		}
	}
}

// holds counts what s keeps in memory of rules begun and of their returns.
func (s *set) holds() (size int) {
	met := make(map[*begun]struct{})
	var todo []*begun
	meet := func(ways []waiting) {
		for _, w := range ways {
			if _, ok := met[w.in]; !ok && w.in != nil {
				met[w.in] = struct{}{}
				todo = append(todo, w.in)
			}
		}
	}
	meet(s.items)
	for len(todo) > 0 {
		n := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		size += n.size()
		meet(n.returns)
	}
	return size
}
