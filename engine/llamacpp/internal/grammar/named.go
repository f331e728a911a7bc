package grammar

// named is the tokens that a grammar names at one place.
type named struct {
	ids map[int32]struct{}
	// most are those that some state takes which takes all but one: all if there are two
	// such states with different ones, all but but otherwise.
	most, all bool
	but       int32
}

func (m *Matcher) named() (n named) {
	if !m.grammar.tokens || m.at.need != 0 {
		return n
	}
	for _, it := range m.at.set.items {
		switch s := m.build.state(it); {
		case s.kind != token:
		case !s.not && n.ids == nil:
			n.ids = map[int32]struct{}{s.arg: {}}
		case !s.not:
			n.ids[s.arg] = struct{}{}
		default:
			n.all = n.all || n.most && n.but != s.arg
			n.most, n.but = true, s.arg
		}
	}
	return n
}

func (n named) any() bool { return n.most || len(n.ids) > 0 }

func (n named) has(id int32, v *Vocabulary) bool {
	if n.most && (n.all || id != n.but) && v.seen(id) {
		return true
	}
	_, ok := n.ids[id]
	return ok
}

// seen says whether a token is of those that any-but-one means: a part of the text.
func (v *Vocabulary) seen(id int32) bool { return v.texts[id] != "" && !v.ends[id] }

// takes says whether a state waits for this token.
func (s *state) takes(id int32, v *Vocabulary) bool {
	if s.not {
		return s.arg != id && v.seen(id)
	}
	return s.arg == id
}
