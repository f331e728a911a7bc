package llama

import (
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"sync"
	"unicode/utf8"
	"unsafe"

	"inferd/engine/llamacpp/internal/grammar"
)

// ErrLoad says that llama.cpp refused a model file; its log says why.
var ErrLoad = errors.New("llama.cpp can not load the model")

// Token attributes of llama_token_attr.
const (
	attrUnknown     = 1 << 0
	attrControl     = 1 << 3
	attrUserDefined = 1 << 4
	attrByte        = 1 << 5
	attrLStrip      = 1 << 7
	attrRStrip      = 1 << 8
)

// Model is a loaded GGUF. Its methods may be called from any goroutine.
type Model struct {
	lib    *Library
	handle uintptr
	vocab  uintptr
	pieces []string // text of each token; empty for control tokens
	eog    []bool
	bpe    bool // byte-pair vocabulary, see maxWordRun
	// marks are tokens of a byte-pair vocabulary that look like control tokens and are
	// found in any text, see SpecialTokens and Tokenise.
	marks []string
	// spelled are the characters that tokens have in their texts, in a SentencePiece
	// vocabulary; nil in others. See LeastTokens.
	spelled map[rune]struct{}

	vocabulary func() *grammar.Vocabulary // made when it is first needed: it takes up to 0.2 s
	specials   func() map[string]int32    // the special tokens by their texts, the same
}

// SpecialToken is a token that text must not be able to forge.
type SpecialToken struct {
	ID             int32
	Text           string
	Control        bool // false: user-defined, matched in any text by the tokeniser itself
	LStrip, RStrip bool // swallows white space before, after
}

// LoadModel maps the file. gpuLayers is passed on as it is: -1 means all.
func (l *Library) LoadModel(path string, gpuLayers int) (*Model, error) {
	if strings.IndexByte(path, 0) >= 0 {
		return nil, fmt.Errorf("%w: its path holds a NUL byte", ErrLoad)
	}
	p := l.modelDefaults()
	p.nGPULayers = int32(max(-1, min(gpuLayers, math.MaxInt32)))
	if st, err := os.Stat(path); err == nil {
		p.checkTensors = st.Size() < checkTensorsBelowBytes
	}
	h := l.loadModel(path, p)
	if h == 0 {
		return nil, ErrLoad
	}
	m := &Model{lib: l, handle: h, vocab: l.getVocab(h)}
	if err := m.readVocabulary(); err != nil {
		m.Free()
		return nil, err
	}
	m.vocabulary = sync.OnceValue(func() *grammar.Vocabulary {
		return grammar.NewVocabulary(m.pieces, m.eog)
	})
	m.specials = sync.OnceValue(func() map[string]int32 {
		ids := make(map[string]int32)
		for _, t := range m.SpecialTokens() {
			ids[t.Text] = t.ID
		}
		return ids
	})
	return m, nil
}

func (m *Model) readVocabulary() error {
	if m.lib.hasEncoder(m.handle) || !m.lib.hasDecoder(m.handle) {
		return fmt.Errorf("%w: it is not a decoder-only language model", ErrLoad)
	}
	n := m.lib.vocabTokens(m.vocab)
	if n <= 0 {
		return fmt.Errorf("%w: it has no vocabulary", ErrLoad)
	}
	const typeSPM, typeBPE = 1, 2
	switch m.lib.vocabType(m.vocab) {
	case typeBPE:
		m.bpe = true
	case typeSPM:
		m.spelled = map[rune]struct{}{' ': {}}
	}
	m.pieces, m.eog = make([]string, n), make([]bool, n)
	buf := make([]byte, maxPieceBytes)
	for i := range n {
		k := m.lib.tokenToPiece(m.vocab, i, &buf[0], int32(len(buf)), 0, false)
		if k < 0 {
			return fmt.Errorf("%w: token %d is longer than %d bytes", ErrLoad, i, maxPieceBytes)
		}
		m.pieces[i] = string(buf[:k])
		m.eog[i] = m.lib.vocabIsEOG(m.vocab, i)
		if m.bpe && isMark(m.pieces[i]) && m.lib.vocabAttr(m.vocab, i)&attrUserDefined != 0 {
			m.marks = append(m.marks, m.pieces[i])
		}
		if m.spelled != nil && !(k == 1 && m.lib.vocabAttr(m.vocab, i)&attrByte != 0) {
			for at, c := range m.pieces[i] {
				if c != utf8.RuneError || strings.HasPrefix(m.pieces[i][at:], string(utf8.RuneError)) {
					m.spelled[c] = struct{}{} // else it is a part of a character
				}
			}
		}
	}
	return nil
}

// isMark tells whether a token's text looks like a control token's.
func isMark(text string) bool {
	return strings.HasPrefix(text, markOpen) && strings.HasSuffix(text, "|>")
}

const markOpen = "<|"

// Free unmaps the model; no context of it may be left.
func (m *Model) Free() { m.lib.freeModel(m.handle) }

// Tokens is the size of the vocabulary.
func (m *Model) Tokens() int { return len(m.pieces) }

// Piece is the text of a token, empty for control tokens. It may be part of a
// character.
func (m *Model) Piece(token int32) string { return m.pieces[token] }

// IsEOG tells whether a token ends the generation.
func (m *Model) IsEOG(token int32) bool { return m.eog[token] }

// TrainedContext is the context length the model was trained for.
func (m *Model) TrainedContext() int { return int(m.lib.trainCtx(m.handle)) }

// Description is the architecture, size and quantisation in words.
func (m *Model) Description() string {
	buf := make([]byte, 256)
	m.lib.describe(m.handle, &buf[0], uint64(len(buf)))
	return goString(&buf[0], len(buf))
}

// ChatTemplate is the model's own template, empty if it brings none.
func (m *Model) ChatTemplate() string {
	const limit = 1 << 20
	return goString(m.lib.chatTemplate(m.handle, 0), limit)
}

// BOS and EOS are the ids of the beginning and end of a text, -1 without one.
func (m *Model) BOS() int32 { return m.lib.vocabBOS(m.vocab) }

// EOS is the id of the end of a text, -1 without one.
func (m *Model) EOS() int32 { return m.lib.vocabEOS(m.vocab) }

// AddsBOS tells whether a prompt begins with BOS even if its text does not.
func (m *Model) AddsBOS() bool { return m.lib.vocabAddBOS(m.vocab) }

// TokenText is the vocabulary's own spelling of a token ("" out of range).
func (m *Model) TokenText(token int32) string {
	if token < 0 || int(token) >= len(m.pieces) {
		return ""
	}
	return goString(m.lib.vocabText(m.vocab, token), maxPieceBytes)
}

// SpecialTokens lists the control and user-defined tokens. Those that structure a
// conversation count as control tokens although llama.cpp has them as user-defined ones,
// as it does with the channels of gpt-oss.
func (m *Model) SpecialTokens() []SpecialToken {
	var out []SpecialToken
	for i := range m.pieces {
		attr := m.lib.vocabAttr(m.vocab, int32(i))
		control := attr&(attrControl|attrUnknown) != 0 || m.eog[i]
		if !control && attr&attrUserDefined == 0 {
			continue
		}
		if text := m.TokenText(int32(i)); text != "" {
			out = append(out, SpecialToken{
				ID: int32(i), Text: text, Control: control || m.bpe && isMark(text),
				LStrip: attr&attrLStrip != 0, RStrip: attr&attrRStrip != 0,
			})
		}
	}
	return out
}

// Tokenise appends the tokens of plain text to dst: control tokens spelled out
// in it stay text. NUL bytes are allowed.
func (m *Model) Tokenise(dst []int32, text string) ([]int32, error) {
	if len(text) > maxTokeniseBytes {
		return dst, fmt.Errorf("text of %d bytes is too long to tokenise", len(text))
	}
	for text != "" {
		n := len(text)
		if m.bpe {
			n = m.insideMark(text, cutPoint(text, maxWordRun))
		}
		var err error
		if dst, err = m.tokenisePart(dst, text[:n]); err != nil {
			return dst, err
		}
		text = text[n:]
	}
	return dst, nil
}

// insideMark gives where to cut a text so that its first mark, if one begins within limit
// bytes, is none any more for the tokeniser, which would find it: limit if there is none.
func (m *Model) insideMark(text string, limit int) int {
	if len(m.marks) == 0 {
		return limit
	}
	for at := 0; at < limit; at++ {
		i := strings.IndexByte(text[at:limit], markOpen[0])
		if i < 0 {
			return limit
		}
		at += i
		for _, mark := range m.marks {
			if strings.HasPrefix(text[at:], mark) {
				return at + 1
			}
		}
	}
	return limit
}

// LeastTokens is how many tokens a text makes at the least. A SentencePiece vocabulary
// spells characters that no token has byte by byte, which takes a time that grows with
// the square of their number and can't be interrupted: what does not fit anyway must not
// come so far.
func (m *Model) LeastTokens(text string) (n int) {
	if m.spelled == nil {
		return 0
	}
	for _, c := range text {
		if _, ok := m.spelled[c]; !ok {
			n += utf8.RuneLen(c)
		}
	}
	return n
}

// named gives the token that a grammar refers to, by its text or its id.
func (m *Model) named(text string, id int32) (int32, bool) {
	if text == "" {
		return id, int(id) < len(m.pieces)
	}
	if id, ok := m.specials()[text]; ok {
		return id, true
	}
	tokens, err := m.Tokenise(nil, text)
	if err != nil || len(tokens) != 1 {
		return 0, false
	}
	return tokens[0], true
}

// cutPoint gives where to cut a text for a byte-pair tokeniser so that at most
// limit bytes come before: in front of a single space between words, where it
// cuts anyway; in a text without any, between two characters.
func cutPoint(text string, limit int) int {
	if len(text) <= limit {
		return len(text)
	}
	blank := func(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }
	for i := limit; i > limit/2; i-- {
		if text[i] == ' ' && !blank(text[i-1]) && i+1 < len(text) && !blank(text[i+1]) {
			return i
		}
	}
	for i := limit; i > limit-utf8.UTFMax; i-- {
		if utf8.RuneStart(text[i]) {
			return i
		}
	}
	return limit
}

func (m *Model) tokenisePart(dst []int32, text string) ([]int32, error) {
	const slack = 8 // a space prefix
	at := len(dst)
	// A byte makes at most one token; a replaced invalid byte up to three.
	dst = append(dst, make([]int32, len(text)+slack)...)
	n := m.tokeniseInto(dst[at:], text)
	if n < 0 {
		dst = append(dst[:at], make([]int32, -n)...)
		if n = m.tokeniseInto(dst[at:], text); n < 0 {
			return dst[:at], errors.New("text can not be tokenised")
		}
	}
	return dst[:at+n], nil
}

// tokeniseInto gives the number of tokens, or less than 0: minus how many there are
// if out is too short.
//
// unsafe: the library reads the len(text) bytes at the pointer, which for an empty
// text may be nil, and writes at most len(out) tokens. It keeps neither; purego
// keeps both alive during the call.
func (m *Model) tokeniseInto(out []int32, text string) int {
	return int(m.lib.tokenise(m.vocab, unsafe.StringData(text), int32(len(text)),
		&out[0], int32(len(out)), false, false))
}
