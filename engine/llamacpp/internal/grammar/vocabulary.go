package grammar

import (
	"cmp"
	"slices"
)

// Vocabulary is the texts of a model's tokens in an order in which those that begin
// alike are neighbours. Immutable.
type Vocabulary struct {
	texts []string
	ends  []bool // those that end the text
	// enders are these, and order those of the others that have a text, sorted by it.
	enders, order []int32
	// shared is how many bytes the text of order[i] has in common with the one before.
	shared []uint16
}

// NewVocabulary takes the text of each token, of less than 64 KiB, and which of them end
// a generation. A token without text can follow only where a grammar names it.
func NewVocabulary(texts []string, ends []bool) *Vocabulary {
	v := &Vocabulary{texts: texts, ends: ends}
	for id, text := range texts {
		switch {
		case ends[id]:
			v.enders = append(v.enders, int32(id))
		case text != "":
			v.order = append(v.order, int32(id))
		}
	}
	slices.SortFunc(v.order, func(a, b int32) int {
		return cmp.Or(cmp.Compare(texts[a], texts[b]), cmp.Compare(a, b))
	})
	v.shared = make([]uint16, len(v.order))
	for i := 1; i < len(v.order); i++ {
		v.shared[i] = common(texts[v.order[i-1]], texts[v.order[i]])
	}
	return v
}

// common is how many bytes a and b begin with alike.
func common(a, b string) uint16 {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return uint16(n)
}
