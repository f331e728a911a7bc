package llama

import (
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
	"unsafe"

	"github.com/ebitengine/purego"

	"inferd/engine/llamacpp/builtin"
	"inferd/engine/llamacpp/internal/grammar"
	"inferd/tools/mkgguf"
)

// TestGrammar_AsLlama goes through random texts of grammars and holds the tokens that
// can follow against those that llama.cpp's own sampler lets through.
func TestGrammar_AsLlama(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.gguf")
	if err := os.WriteFile(path, builtin.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	real, err := testLibrary(t).LoadModel(path, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(real.Free)
	for _, m := range []*Model{testModel(t, mkgguf.Config{}), real} {
		for _, text := range []string{
			`root ::= "yes" | "no"`,
			jsonGrammar(t),
			"root ::= \"{\" s \":\" s ( \",\" s \":\" s )* \"}\"\nchar ::= [^\"\\\\\\x7F\\x00-\\x1F] | [\\\\] " +
				"([\"\\\\bfnrt] | \"u\" [0-9a-fA-F]{4})\ns ::= \"\\\"\" char* \"\\\"\" sp\nsp ::= | \" \"",
			"root ::= line+\nline ::= [A-Z] [a-z ,]* [.!?] \"\\n\"{0,2}",
			`root ::= "a"{3} "b"{1,} "c"{0,2} "d"?`,
			`root ::= "ü" [一-龥]+ "\u4f60\U0001F600\x41" .+`,
			`root ::= [^a-z]{2,} [^\x00-\u0fff]`,
			"root ::= \"(\" root \")\" | \"x\" rest?\nrest ::= \",\" root rest | \"\"",
			"root ::= word (\" \" word){0,3}\nword ::= \"the\" | \"he\" | \"they\" | \"th\" [aeiou]+ | \"\"",
			`root ::= "a"` + strings.Repeat(`|"b"`, 100) + ` "z"`,
			`root ::= ("a" "b"?)+ "c"+{2} "d"{1,2}?`,
			`root ::= [a-] [^-a] [\]\-]`,
			`root ::= <[5]> <[6]>* !<[7]> "b"`,
		} {
			for seed := range uint64(10) {
				sameAsLlama(t, m, text, seed)
			}
		}
	}
}

// nativeGrammar is llama.cpp's own sampler of grammars, which the daemon does not use.
type nativeGrammar struct {
	init  func(vocab uintptr, text, root string) uintptr
	apply func(sampler uintptr, candidates unsafe.Pointer)
	tell  func(sampler uintptr, token int32)
}

// bindGrammar needs an open library.
func bindGrammar() (native nativeGrammar) {
	purego.RegisterLibFunc(&native.init, purego.RTLD_DEFAULT, "llama_sampler_init_grammar")
	purego.RegisterLibFunc(&native.apply, purego.RTLD_DEFAULT, "llama_sampler_apply")
	purego.RegisterLibFunc(&native.tell, purego.RTLD_DEFAULT, "llama_sampler_accept")
	return native
}

func sameAsLlama(t *testing.T, m *Model, text string, seed uint64) {
	t.Helper()
	native := bindGrammar()
	theirs := native.init(m.vocab, text, "root")
	if theirs == 0 {
		t.Fatalf("llama.cpp does not take %s", text)
	}
	defer m.lib.samplers.free(theirs)
	g, err := grammar.Compile(text, m.named)
	if err != nil {
		t.Fatal(err)
	}
	ours, err := g.NewMatcher(m.vocabulary())
	if err != nil {
		t.Fatal(err)
	}
	random, said := rand.New(rand.NewPCG(seed, seed)), ""
	names := strings.Contains(text, "<[")
	for range 40 {
		allowed, err := ours.Allowed(nil)
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(allowed)
		if want := allowedByLlama(m, theirs, native.apply, allowed, names); !slices.Equal(allowed, want) {
			t.Errorf("after %q: not as llama.cpp: %q allowed, %q not\n%s", said,
				without(m, allowed, want), without(m, want, allowed), text)
			return
		}
		if len(allowed) == 0 {
			return
		}
		id := allowed[random.IntN(len(allowed))]
		// After these bytes llama.cpp takes some that lead to no character, or none.
		strict := func(b byte) bool { return b == 0 || b == 0xE0 || b == 0xED || b >= 0xF0 }
		if piece := m.Piece(id); m.IsEOG(id) || slices.ContainsFunc([]byte(piece), strict) ||
			names && !utf8.ValidString(piece) {
			return
		}
		said += m.Piece(id)
		native.tell(theirs, id)
		if err := ours.Accept(id); err != nil {
			t.Fatal(err)
		}
	}
}

// allowedByLlama gives the tokens that a sampler lets through, and of those on which it
// is not asked the ones that we do: control tokens, which it takes for what they are
// spelled like, NUL characters, which are ends of text to it, bytes that are not UTF-8,
// and parts of characters where any token may come.
func allowedByLlama(
	m *Model, sampler uintptr, apply func(uintptr, unsafe.Pointer), ours []int32, names bool,
) (ids []int32) {
	c := new(choice)
	c.fill(make([]float32, m.Tokens()))
	apply(sampler, unsafe.Pointer(&c.array))
	odd := func(b byte) bool { return b == 0 || b == 0xC0 || b == 0xC1 || b > 0xF4 }
	for _, d := range unsafe.Slice(c.array.data, c.array.size) {
		piece, ok := m.Piece(d.id), d.logit > float32(math.Inf(-1))
		switch {
		case piece == "" && !m.IsEOG(d.id), slices.ContainsFunc([]byte(piece), odd), names && !utf8.ValidString(piece):
			ok = slices.Contains(ours, d.id)
		}
		if ok {
			ids = append(ids, d.id)
		}
	}
	slices.Sort(ids)
	return ids
}

// without gives the texts of those of ids that are not among others.
func without(m *Model, ids, others []int32) (out []string) {
	for _, id := range ids {
		if !slices.Contains(others, id) && len(out) < 20 {
			out = append(out, m.Piece(id))
		}
	}
	return out
}

// jsonGrammar is the one that package grammar is tested with.
func jsonGrammar(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "grammar", "testdata", "json.gbnf"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// BenchmarkGrammar finds the tokens that can follow, in turn with llama.cpp's own sampler
// and the built-in model's vocabulary: in a JSON string, where most can, and where only a
// few words can.
func BenchmarkGrammar(b *testing.B) {
	path := filepath.Join(b.TempDir(), "m.gguf")
	if err := os.WriteFile(path, builtin.Bytes(), 0o600); err != nil {
		b.Fatal(err)
	}
	m, err := testLibrary(b).LoadModel(path, 0)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(m.Free)
	native := bindGrammar()
	for name, c := range map[string]struct{ text, said string }{
		"a string":  {jsonGrammar(b), `"words`},
		"few words": {`root ::= "yes" | "no"`, ""},
	} {
		g, err := grammar.Compile(c.text, m.named)
		if err != nil {
			b.Fatal(err)
		}
		tokens, err := m.Tokenise(nil, c.said)
		if err != nil {
			b.Fatal(err)
		}
		theirs := native.init(m.vocab, c.text, "root")
		b.Cleanup(func() { m.lib.samplers.free(theirs) })
		ours, err := g.NewMatcher(m.vocabulary())
		for _, id := range tokens {
			native.tell(theirs, id)
			if err == nil {
				err = ours.Accept(id)
			}
		}
		if err != nil {
			b.Fatal(err)
		}
		logits, choice, ids := make([]float32, m.Tokens()), new(choice), []int32(nil)
		b.Run(name, func(b *testing.B) {
			var spent [2]time.Duration
			for b.Loop() {
				began := time.Now()
				if ids, err = ours.Allowed(ids[:0]); err != nil {
					b.Fatal(err)
				}
				half := time.Now()
				choice.fill(logits)
				native.apply(theirs, unsafe.Pointer(&choice.array))
				spent[0] += half.Sub(began)
				spent[1] += time.Since(half)
			}
			b.ReportMetric(float64(len(ids)), "tokens")
			b.ReportMetric(float64(m.Tokens()), "vocabulary")
			b.ReportMetric(float64(spent[0])/float64(spent[1]), "ours/llama.cpp")
		})
	}
}
