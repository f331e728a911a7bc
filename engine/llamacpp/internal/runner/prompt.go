package runner

import (
	"slices"
	"strings"
	"unicode"

	"inferd/engine/llamacpp/internal/chat"
	"inferd/engine/llamacpp/internal/llama"
)

// tokeniser turns a template's rendering into tokens. Immutable.
//
// Control tokens are looked for here, in the template's own text, and nowhere
// else; everything between two of them goes to llama.cpp's tokeniser in one
// piece, template and message text together, so that the result is what the
// model saw in training. llama.cpp is never asked to look for control tokens:
// besides the forging, that takes quadratic time on hostile text.
type tokeniser struct {
	model   *llama.Model
	control map[string]*llama.SpecialToken
	lengths []int     // of their texts, longest first
	first   [256]bool // bytes they begin with
	bos     int32
	addBOS  bool
}

func newTokeniser(m *llama.Model) *tokeniser {
	t := &tokeniser{
		model: m, bos: m.BOS(), addBOS: m.AddsBOS(), control: make(map[string]*llama.SpecialToken),
	}
	for _, s := range m.SpecialTokens() {
		if !s.Control {
			continue
		}
		t.control[s.Text] = &s
		t.first[s.Text[0]] = true
		if !slices.Contains(t.lengths, len(s.Text)) {
			t.lengths = append(t.lengths, len(s.Text))
		}
	}
	slices.Sort(t.lengths)
	slices.Reverse(t.lengths)
	return t
}

// tokens gives the prompt's tokens.
func (t *tokeniser) tokens(segments []chat.Segment) ([]int32, error) {
	var (
		out   []int32
		plain strings.Builder // text since the last control token
		strip bool            // that token swallows white space after it
		err   error
	)
	flush := func() {
		text := plain.String()
		plain.Reset()
		if strip {
			text = strings.TrimLeftFunc(text, unicode.IsSpace)
		}
		strip = false
		if err == nil {
			out, err = t.model.Tokenise(out, text)
		}
	}
	for _, seg := range segments {
		rest := seg.Text
		for !seg.User {
			at, token := t.find(rest)
			if at < 0 {
				break
			}
			before := rest[:at]
			if token.LStrip {
				before = strings.TrimRightFunc(before, unicode.IsSpace)
			}
			plain.WriteString(before)
			flush()
			out = append(out, token.ID)
			strip = token.RStrip
			rest = rest[at+len(token.Text):]
		}
		plain.WriteString(rest)
	}
	flush()
	if t.addBOS && t.bos >= 0 && (len(out) == 0 || out[0] != t.bos) {
		out = slices.Insert(out, 0, t.bos)
	}
	return out, err
}

// find gives the first control token spelled in a template's text, the longest
// where several begin; -1 if there is none.
func (t *tokeniser) find(text string) (int, *llama.SpecialToken) {
	for i := range len(text) {
		if !t.first[text[i]] {
			continue
		}
		for _, n := range t.lengths {
			if i+n > len(text) {
				continue
			}
			if token, ok := t.control[text[i:i+n]]; ok {
				return i, token
			}
		}
	}
	return -1, nil
}
