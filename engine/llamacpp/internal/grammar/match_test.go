package grammar

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// pieces are the tokens of the tests: whole characters, parts of them, several, none.
// The first ends the text.
var pieces = []string{
	"</s>", "a", "b", "ü", "ö", "\xC3", "\xBC", "\xB6", "ab", "ba", "bab", "aü", "a\xC3", "\xBCb", "", "üö",
}

func ofPieces() *Vocabulary {
	ends := make([]bool, len(pieces))
	ends[0] = true
	return NewVocabulary(pieces, ends)
}

func follow(t *testing.T, text string) *Matcher {
	t.Helper()
	g, err := Compile(text, nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	m, err := g.NewMatcher(ofPieces())
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return m
}

// TestMatcher_Random holds matchers against what random grammars mean, in all texts.
func TestMatcher_Random(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	for range 60 {
		agrees(t, randomGrammar(random))
		if t.Failed() {
			return
		}
	}
}

// TestMatcher_Recursion is the same of grammars that have gone wrong elsewhere: those
// whose rules begin or end with themselves, and those with many readings.
func TestMatcher_Recursion(t *testing.T) {
	for _, text := range []string{
		`root ::= root "a" | "b"`,
		`root ::= root root | "a" | ""`,
		"root ::= a\na ::= b \"a\" | \"b\"\nb ::= a | a \"b\"",
		"root ::= a | \"\"\na ::= \"a\" root",
		"root ::= x\nx ::= y\ny ::= x | \"a\" x | \"b\"",
		"root ::= x \"b\"\nx ::= y x | y\ny ::= x? \"a\"?",
		`root ::= (""*)* "a"`,
		`root ::= ((("a"*)*)+ "b"?){2,}`,
		`root ::= root`,
		"root ::= \"a\" x\nx ::= x \"b\"",
		`root ::= "a" root "b" | root "ü" | ""`,
		`root ::= [^a]+ [^b]* .?`,
		`root ::= "a\xFC\U0000fff0"? "\Uffffffff" | [\ud800-\udfff] | [ö-ü]{2}`,
	} {
		agrees(t, text)
	}
}

// agrees goes through all texts of the pieces.
func agrees(t *testing.T, text string) {
	t.Helper()
	l, visited := meaning(text), make(map[string]bool)
	var visit func(before []int32)
	visit = func(before []int32) {
		m, at := follow(t, text), ""
		for _, id := range before {
			at += pieces[id]
			if err := m.Accept(id); err != nil {
				t.Errorf("%q: %v\n%s", at, err, text)
				return
			}
		}
		allowed, err := m.Allowed(nil)
		if err != nil {
			t.Errorf("%q: %v\n%s", at, err, text)
			return
		}
		for id, piece := range pieces {
			want := piece != "" && l.begins(at+piece)
			if id == 0 {
				want = utf8.ValidString(at) && l[at]
			}
			if utf8.RuneCountInString(at+piece) > longest && id != 0 {
				continue
			}
			if slices.Contains(allowed, int32(id)) != want {
				t.Errorf("%q after %q: not %v\n%s", piece, at, want, text)
				return
			}
			if ok, err := m.Allows(int32(id)); ok != want || err != nil {
				t.Errorf("%q after %q: %v, %v, not %v\n%s", piece, at, ok, err, want, text)
			}
			if next := at + piece; want && id != 0 && !visited[next] {
				visited[next] = true
				visit(append(slices.Clone(before), int32(id)))
			}
		}
	}
	visit(nil)
}

// randomGrammar gives some rules of some elements.
func randomGrammar(random *rand.Rand) string {
	names := []string{"root", "x", "y"}
	var b strings.Builder
	var alternatives func(depth int)
	element := func(depth int) {
		switch n := random.IntN(10); {
		case n < 3:
			fmt.Fprintf(&b, "%q", strings.Repeat(string([]rune(letters)[random.IntN(4)]), random.IntN(3)))
		case n < 4:
			b.WriteString([]string{"[a-b]", "[^ü]", "[öa]", "."}[random.IntN(4)])
		case n < 7 || depth > 2:
			b.WriteString(names[random.IntN(len(names))])
		default:
			b.WriteString("(")
			alternatives(depth + 1)
			b.WriteString(")")
		}
		b.WriteString([]string{"", "", "", "", "?", "*", "+", "{2}", "{1,}", "{0,3}"}[random.IntN(10)] + " ")
	}
	alternatives = func(depth int) {
		for i := range 1 + random.IntN(3) {
			if i > 0 {
				b.WriteString("| ")
			}
			b.WriteString(`"" `) // a line may not end without an element
			for range random.IntN(4) {
				element(depth)
			}
		}
	}
	for _, name := range names {
		b.WriteString(name + " ::= ")
		alternatives(0)
		b.WriteString("\n")
	}
	return b.String()
}

func TestMatcher_Tokens(t *testing.T) {
	lookUp := func(text string, id int32) (int32, bool) {
		if text == "" {
			return id, int(id) < len(pieces)
		}
		found := slices.Index(pieces, text)
		return int32(found), found >= 0
	}
	f := func(text string, before string, want ...int32) {
		t.Helper()
		g, err := Compile(text, lookUp)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		m, err := g.NewMatcher(ofPieces())
		for _, c := range before {
			id, _ := lookUp(string(c), 0)
			err = errors.Join(err, m.Accept(id))
		}
		got, err2 := m.Allowed(nil)
		slices.Sort(got)
		if err != nil || err2 != nil || !slices.Equal(got, want) {
			t.Errorf("%s after %q: %v, %v, %v; want %v", text, before, got, err, err2, want)
		}
		for id := range pieces {
			if ok, err := m.Allows(int32(id)); err != nil || ok != slices.Contains(got, int32(id)) {
				t.Errorf("%s after %q: %d: %v, %v", text, before, id, ok, err)
			}
		}
	}
	const a, b, none = 1, 2, 14
	f(`root ::= <[14]> "b"`, "", none)
	f(`root ::= <[1]> "b" | "a"+`, "", a)
	f(`root ::= <[1]> "b" | "a"+`, "a", b) // it was the token, not the text
	f(`root ::= !<[1]>`, "", 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15)
	f(`root ::= !<[1]> | !<[2]> | <[14]> | ""`, "", 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
	f(`root ::= !<[1]>* <[0]>`, "", 0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15)
	f(`root ::= "a" (<[2]> | "b" "a" | "b")`, "a", b, 9)
	f(`root ::= "a" (<[2]> | "b" "a" | "b")`, "ab", 0)

	for _, text := range []string{`root ::= <c>`, `root ::= <[x]>`, `root ::= <[-1]>`, `root ::= !<[99999999999]>`} {
		if _, err := Compile(text, lookUp); !errors.Is(err, ErrBad) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestAccept_NotAllowed(t *testing.T) {
	for _, id := range []int32{2, 5, 14} {
		if err := follow(t, `root ::= "a"`).Accept(id); err == nil {
			t.Errorf("%q was accepted", pieces[id])
		}
	}
}

// TestMatcher_Bounds: where readings multiply a request ends, after a bounded time and
// in bounded memory; long texts of sound grammars do not.
func TestMatcher_Bounds(t *testing.T) {
	f := func(name, text string, tokens []int32, times int, want error) {
		t.Helper()
		m := follow(t, text)
		var err error
		peak := 0
		for i := 0; i < times && err == nil; i++ {
			for _, id := range tokens {
				if err == nil {
					_, err = m.Allowed(nil)
				}
				if err == nil {
					err = m.Accept(id)
				}
			}
			peak = max(peak, m.held)
		}
		if !errors.Is(err, want) || peak > maxHeld+maxHeld/2 {
			t.Errorf("%s: %v, holds %d", name, err, peak)
		}
	}
	const a, b = 1, 2
	f("letters", `root ::= [a-z]*`, []int32{a, b}, 50_000, nil)
	f("a rule for each", "root ::= char*\nchar ::= [ab] | \"c\" root", []int32{a, b}, 20_000, nil)
	f("list", "root ::= a (b a)*\na ::= \"a\"\nb ::= \"b\"", []int32{a, b}, 20_000, nil)
	f("right", "root ::= item | item root\nitem ::= \"a\" \"b\"", []int32{a, b}, 20_000, nil)
	f("left", "root ::= item | root item\nitem ::= \"a\" \"b\"", []int32{a, b}, 20_000, nil)
	f("words", "root ::= (word | \"b\")+\nword ::= [ab]+", []int32{a, b}, 20_000, nil)
	f("words of words", "root ::= (pair | word \"b\")*\npair ::= word \"a\"? word\nword ::= [ab]+", []int32{a, b}, 20_000, nil)
	f("nested", `root ::= "a" root "b" | ""`, []int32{a}, 10_000, nil)
	f("nested without end", `root ::= "a" root root "b" | ""`, []int32{a}, 1_000_000, ErrAmbiguous)
	f("doubling", `root ::= root root | "a" | "b"`, []int32{a, b}, 20_000, ErrAmbiguous)
	f("tripling", "root ::= s\ns ::= s s s | s s | \"a\" | \"b\" | \"\"", []int32{a, b}, 20_000, ErrAmbiguous)
	f("stars", `root ::= ("a"* "b"* "a"* [ab]* "ab"*)*`, []int32{a, b}, 20_000, nil)
}

// TestMatcher_Redraws: the model may want what the grammar does not allow for each of its
// tokens; looking for the others is not what a request has to save up work for.
func TestMatcher_Redraws(t *testing.T) {
	v := largeVocabulary(262_144)
	for _, text := range []string{
		"root ::= w (\" \" w)*\nw ::= [^ .]+",
		"root ::= char* \"\\\"\"\nchar ::= [^\"\\\\] | \"\\\\\" ([a-z] | \"u\" [0-9]{4})",
	} {
		g, err := Compile(text, nil)
		if err != nil {
			t.Fatal(err)
		}
		m, err := g.NewMatcher(v)
		var ids []int32
		for range 30 {
			if err == nil {
				ids, err = m.Allowed(ids[:0])
			}
			if err == nil {
				err = m.Accept(ids[len(ids)/2])
			}
			if err == nil {
				m.at.set.after = nil // each time anew
			}
		}
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestCompile_Lookups: a reference is looked up once, and none is after an error.
func TestCompile_Lookups(t *testing.T) {
	n := 0
	lookUp := func(text string, _ int32) (int32, bool) {
		n++
		return 5, text == "<a>"
	}
	if _, err := Compile(`root ::= <a>{2000} !<a>*`, lookUp); err != nil || n != 1 {
		t.Errorf("%v after %d", err, n)
	}
	if _, err := Compile(`root ::= (<b> <c>){2000}`, lookUp); !errors.Is(err, ErrBad) || n != 2 {
		t.Errorf("%v after %d", err, n-1)
	}
}

func FuzzMatcher(f *testing.F) {
	for _, text := range sound {
		f.Add(text, "ab")
	}
	f.Fuzz(func(t *testing.T, text, ids string) {
		g, err := Compile(text, func(string, int32) (int32, bool) { return 3, true })
		if err != nil {
			return
		}
		m, err := g.NewMatcher(ofPieces())
		for i := 0; i < min(len(ids), 20) && err == nil; i++ {
			var allowed []int32
			if allowed, err = m.Allowed(nil); err != nil || len(allowed) == 0 {
				break
			}
			id := allowed[int(ids[i])%len(allowed)]
			if ok, err := m.Allows(id); err == nil && !ok {
				t.Fatalf("%d is allowed, and is not", id)
			}
			if err = m.Accept(id); id == 0 {
				return
			}
		}
		if err != nil && !errors.Is(err, ErrAmbiguous) {
			t.Fatal(err)
		}
	})
}
