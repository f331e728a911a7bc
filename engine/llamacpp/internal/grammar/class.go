package grammar

import (
	"cmp"
	"slices"
	"unicode/utf8"
)

// span is the characters from lo to hi, both included.
type span struct{ lo, hi rune }

// class is a set of characters. Immutable.
type class struct {
	ascii [2]uint64 // one bit for each
	spans []span    // sorted, apart, without surrogates
}

// characters are all there are.
var characters = newClass([]span{{0, utf8.MaxRune}}, false)

func single(r rune) *class { return newClass([]span{{r, r}}, false) }

func newClass(spans []span, negated bool) *class {
	spans = slices.Clone(spans)
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.lo, b.lo) })
	merged := spans[:0]
	for _, s := range spans {
		switch n := len(merged); {
		case s.lo > s.hi:
		case n > 0 && s.lo <= merged[n-1].hi+1:
			merged[n-1].hi = max(merged[n-1].hi, s.hi)
		default:
			merged = append(merged, s)
		}
	}
	if negated {
		merged = complement(merged)
	}
	c := new(class)
	for _, s := range merged {
		const firstSurrogate, lastSurrogate = 0xD800, 0xDFFF
		c.add(span{s.lo, min(s.hi, firstSurrogate-1)})
		c.add(span{max(s.lo, lastSurrogate+1), min(s.hi, utf8.MaxRune)})
	}
	return c
}

// complement gives what lies between merged spans.
func complement(spans []span) (out []span) {
	from := rune(0)
	for _, s := range spans {
		if s.lo > from {
			out = append(out, span{from, s.lo - 1})
		}
		from = max(from, s.hi+1)
	}
	return append(out, span{from, utf8.MaxRune})
}

func (c *class) add(s span) {
	if s.lo > s.hi {
		return
	}
	c.spans = append(c.spans, s)
	for r := s.lo; r <= min(s.hi, utf8.RuneSelf-1); r++ {
		c.ascii[r/64] |= 1 << (r % 64)
	}
}

// meets says whether a character from lo to hi is in the class.
func (c *class) meets(lo, hi rune) bool {
	if hi < utf8.RuneSelf && lo == hi {
		return c.ascii[lo/64]>>(lo%64)&1 != 0
	}
	ends := func(s span, lo rune) int { return cmp.Compare(s.hi, lo) }
	i, _ := slices.BinarySearchFunc(c.spans, lo, ends)
	return i < len(c.spans) && c.spans[i].lo <= hi
}
