package grammar

import (
	_ "embed"
	"errors"
	"strings"
	"testing"
)

// jsonText is a grammar of JSON.
//
//go:embed testdata/json.gbnf
var jsonText string

// sound are grammars that llama.cpp takes as well.
var sound = map[string]string{
	"words":      `root ::= "yes" | "no"`,
	"json":       jsonText,
	"comment":    "# top\nroot ::= a # more\n  \na ::= [a-z]+ | .\n",
	"newlines":   "root ::= (\n \"a\"\n | \"b\"\n) \"c\"\n",
	"after bar":  "root ::= \"a\" |\n  \"b\"",
	"after mark": "root ::=\n \"a\"",
	"repeats":    `root ::= "a"{3} "b"{1,} "c"{0,2} "d"?`,
	"unicode":    `root ::= "ü" [一-龥] "\u4f60\U0001F600\x41"`,
	"recursion":  "root ::= \"(\" root \")\" | \"x\" rest?\nrest ::= \",\" root rest | \"\"",
	"many words": `root ::= "a"` + strings.Repeat(`|"b"`, MaxAlternatives-1),
	"twice":      `root ::= ("a" "b"?)+ "c"+{2} "d"{1,2}?`,
	"dash last":  `root ::= [a-] [^-a] [\]\-]`,
}

func TestCheck_Success(t *testing.T) {
	for name, text := range sound {
		if err := Check(text); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCheck_Failure(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"empty":          {"", "root"},
		"no root":        {`a ::= "b"`, "root"},
		"undefined":      {"root ::= \"a\"\n | b", "name is missing"},
		"undefined rule": {"root ::= \"a\" | b", "undefined rule"},
		"long":           {"root ::= \"" + strings.Repeat("a", MaxBytes) + "\"", "exceeds 65536"},
		"alternatives":   {"root ::= \"a\"" + strings.Repeat(`|"b"`, MaxAlternatives+1), "4096 alternatives"},
		"deep":           {"root ::= " + strings.Repeat("(", 30000) + strings.Repeat(")", 30000), "deeper than 64"},
		"unclosed":       {`root ::= ("a"`, "not closed"},
		"unclosed text":  {`root ::= "a`, "not closed"},
		"unclosed class": {`root ::= [a`, "not closed"},
		"escape":         {`root ::= "\q"`, "escape"},
		"short escape":   {`root ::= "\u12"`, "hexadecimal"},
		"at the end":     {`root ::= "\`, "escape"},
		"no mark":        {`root = "a"`, "::="},
		"huge repeat":    {`root ::= "a"{99999999999999999999}`, "above 2000"},
		"many repeats":   {`root ::= "` + strings.Repeat("a", 200) + `"{2000}`, "too many"},
		"reverse repeat": {`root ::= "a"{3,1}`, "{m,n}"},
		"no number":      {`root ::= "a"{,3}`, "no number"},
		"NUL":            {"root ::= \"a\x00\"", "UTF-8"},
		"not UTF-8":      {"root ::= \"\xff\"", "UTF-8"},
		"token":          {`root ::= <think`, "not closed"},
		"long token":     {`root ::= <` + strings.Repeat("x", 5000) + `>`, "too long"},
		"which line":     {"root ::= a b\n\n  a ::= c\nb ::= d\n", "line 3"},
		"bang":           {`root ::= !x`, "< is missing"},
		"empty class":    {`root ::= []`, "class is empty"},
		"many rules":     {strings.Repeat("a ::= b\n", 3) + manyRules(), "more than 4096 rules"},
	} {
		err := Check(c.text)
		if !errors.Is(err, ErrBad) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want %q in it", name, err, c.want)
		}
	}
}

// manyRules gives more rules than are allowed in few bytes.
func manyRules() string {
	const digits = "0123456789abcdefghijklmnopqrstuvwxyz"
	var b strings.Builder
	for i := range 5000 {
		b.WriteByte(digits[i%36])
		b.WriteByte(digits[i/36%36])
		b.WriteByte(digits[i/1296])
		b.WriteString("::=.\n")
	}
	return b.String()
}

func FuzzCheck(f *testing.F) {
	for _, text := range sound {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if err := Check(text); err != nil && !errors.Is(err, ErrBad) {
			t.Errorf("%v is not ErrBad", err)
		}
	})
}
