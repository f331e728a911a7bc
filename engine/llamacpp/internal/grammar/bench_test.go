package grammar

import (
	"fmt"
	"testing"
)

// largeVocabulary is n made-up words and some tokens of use; the last two are
// {"some": "words and _and some more_.
func largeVocabulary(n int) *Vocabulary {
	texts := []string{"</s>"}
	for c := 'a'; c <= 'z'; c++ {
		texts = append(texts, string(c))
	}
	for i := range n {
		texts = append(texts, fmt.Sprintf("%c%c%x%c", 'a'+i%26, 'a'+i/26%26, i, rune(0x4e00+i%20_000)))
	}
	texts = append(texts, `{"some": "words`, ` and some more `)
	ends := make([]bool, len(texts))
	ends[0] = true
	return NewVocabulary(texts, ends)
}

// BenchmarkMatcher follows a text of 16 characters to the token, in a vocabulary as
// large as those of today's models: Accept goes on by one token that was found allowed,
// Allowed looks for all that are.
func BenchmarkMatcher(b *testing.B) {
	vocabulary := largeVocabulary(150_000)
	inside := int32(len(vocabulary.texts) - 1)

	start := func(b *testing.B, text string) *Matcher {
		g, err := Compile(text, nil)
		if err != nil {
			b.Fatal(err)
		}
		m, err := g.NewMatcher(vocabulary)
		if err != nil {
			b.Fatal(err)
		}
		return m
	}
	b.Run("Accept", func(b *testing.B) {
		m := start(b, sound["json"])
		err := m.Accept(inside - 1)
		for b.Loop() {
			ok, err2 := m.Allows(inside)
			if err == nil && err2 == nil {
				err = m.Accept(inside)
			}
			if err != nil || err2 != nil || !ok {
				b.Fatal(err, err2, ok)
			}
		}
		b.ReportAllocs()
	})
	for name, c := range map[string]struct {
		text  string
		first []int32
	}{
		"a string": {sound["json"], []int32{inside - 1}},
		"words":    {"root ::= (\"yes\" | \"no\" | \"aa1f6\") [.]", nil},
	} {
		b.Run("Allowed/"+name, func(b *testing.B) {
			m := start(b, c.text)
			for _, id := range c.first {
				if err := m.Accept(id); err != nil {
					b.Fatal(err)
				}
			}
			var ids []int32
			for b.Loop() {
				m.at.set.after, m.build.work = nil, maxWork
				var err error
				if ids, err = m.Allowed(ids[:0]); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(ids)), "tokens")
		})
	}
}
