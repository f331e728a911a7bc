package grammar

import (
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// language is what a grammar means, found in another way than a [Matcher] does: by
// writing out all texts from letters of up to longest characters, again and again until
// there are no new ones. A text is true if it is complete, and false if it begins one.
type language map[string]bool

const (
	letters = "abüö"
	longest = 3
)

func meaning(text string) language {
	rules, err := parse(text)
	if err != nil {
		panic(err)
	}
	all := make(map[string]language)
	for name := range rules {
		all[name] = make(language)
	}
	for grew := true; grew; {
		grew = false
		for name, r := range rules {
			for s, complete := range ofRule(r, all) {
				grew = all[name].add(s, complete) || grew
			}
		}
	}
	return all["root"]
}

// add says whether it was news.
func (l language) add(s string, complete bool) bool {
	if was, ok := l[s]; ok && (was || !complete) {
		return false
	}
	l[s] = complete
	return true
}

func ofRule(r *rule, all map[string]language) language {
	l := make(language)
	for _, alt := range r.alts {
		seq := language{"": true}
		for i := range alt {
			seq = ofItem(&alt[i], seq, all)
		}
		for s, complete := range seq {
			l.add(s, complete)
		}
	}
	return l
}

// ofItem is before with an item's repetitions after it.
func ofItem(it *item, before language, all map[string]language) language {
	l := maps.Clone(before)
	one := ofOne(it, all)
	for s := range l { // what is complete only if the item may be left out
		l[s] = l[s] && it.least == 0
	}
	most := it.most
	if it.endless {
		most = it.least + longest + 1
	}
	for n := 1; n <= most; n++ {
		next := make(language)
		for a, complete := range before {
			for b, both := range one {
				if complete && utf8.RuneCountInString(a+b) <= longest {
					next.add(a+b, both)
				}
			}
		}
		for s, complete := range next {
			l.add(s, complete && n >= it.least)
		}
		before = next
	}
	return l
}

func ofOne(it *item, all map[string]language) language {
	switch {
	case it.ref != "":
		return all[it.ref]
	case it.group != nil:
		return ofRule(it.group, all)
	case it.class != nil:
		l := language{"": false}
		for _, r := range letters {
			if it.class.meets(r, r) {
				l[string(r)] = true
			}
		}
		return l
	}
	l := make(language)
	for i := range it.literal {
		l[string(it.literal[:i])] = false
	}
	l[string(it.literal)] = true
	return l
}

// begins says whether bytes, up to the middle of a character, begin a text.
func (l language) begins(text string) bool {
	if _, ok := l[text]; ok || utf8.ValidString(text) {
		return ok
	}
	return slices.ContainsFunc([]rune(letters), func(r rune) bool {
		for n := 1; n < utf8.RuneLen(r); n++ {
			if before, ok := strings.CutSuffix(text, string(r)[:n]); ok && utf8.ValidString(before) {
				if _, ok := l[before+string(r)]; ok {
					return true
				}
			}
		}
		return false
	})
}
