package mkgguf

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
)

// TensorType is a ggml tensor type that can be written.
type TensorType uint32

// The types of weights.
const (
	F32  TensorType = 0
	F16  TensorType = 1
	Q4_0 TensorType = 2
	Q8_0 TensorType = 8
)

// ChatML is the chat template written by default.
const ChatML = `{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + ` +
	`message['content'] + '<|im_end|>' + '\n' }}{% endfor %}` +
	`{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}`

// minVocab holds the specials, the 256 bytes, the printable ASCII characters and
// a few syllables.
const minVocab = 360

// Config describes a model. Its zero fields take the values of [H64].
type Config struct {
	Name    string
	Vocab   int // tokens, at least 360
	Dim     int // embedding length
	Layers  int
	Heads   int // Dim/Heads should be 32 or more: llama.cpp is slow below
	KVHeads int
	FFN     int
	Context int // trained context length
	Seed    uint64
	Type    TensorType
	// Template is the chat template; "-" writes none.
	Template string
	// BPE names a pre-tokeniser ("llama-bpe", "qwen2") and makes the vocabulary
	// byte-level BPE as GPT-2 has it; empty: SentencePiece with byte fall-back.
	BPE string
	// Control are further control tokens.
	Control []string
	// NeverEnds keeps the end-of-turn token from being chosen, so that a
	// generation runs to its limit.
	NeverEnds bool
}

// H64 is the small model of the benchmarks: 2 layers, head_dim 64.
func H64() Config {
	return Config{
		Name: "random-llama", Vocab: 512, Dim: 64, Layers: 2, Heads: 1, KVHeads: 1, FFN: 128,
		Context: 8192, Seed: 1, Type: F32, Template: ChatML,
	}
}

func (c Config) withDefaults() Config {
	d := H64()
	for _, f := range []struct {
		have *int
		want int
	}{
		{&c.Vocab, d.Vocab},
		{&c.Dim, d.Dim},
		{&c.Layers, d.Layers},
		{&c.Heads, d.Heads},
		{&c.KVHeads, d.KVHeads},
		{&c.FFN, d.FFN},
		{&c.Context, d.Context},
	} {
		if *f.have == 0 {
			*f.have = f.want
		}
	}
	if c.Name == "" {
		c.Name = d.Name
	}
	if c.Template == "" {
		c.Template = d.Template
	}
	return c
}

func (c Config) check() error {
	switch {
	case c.Vocab < minVocab:
		return fmt.Errorf("mkgguf: vocabulary of %d is below %d", c.Vocab, minVocab)
	case c.Dim < 1 || c.Layers < 1 || c.Heads < 1 || c.KVHeads < 1 || c.FFN < 1 || c.Context < 1:
		return errors.New("mkgguf: sizes must be positive")
	case c.Dim%c.Heads != 0 || c.Heads%c.KVHeads != 0:
		return errors.New("mkgguf: heads must divide dim, kv heads must divide heads")
	case (c.Type == Q4_0 || c.Type == Q8_0) && (c.Dim%32 != 0 || c.FFN%32 != 0):
		return errors.New("mkgguf: quantised rows must be multiples of 32")
	}
	return nil
}

// tensor is one weight matrix; ne[0] is the row length, ggml's order.
type tensor struct {
	name string
	ne   []uint64
	typ  TensorType
	ones bool    // a norm: all 1
	std  float64 // of the random weights
}

func (t tensor) elements() uint64 {
	n := uint64(1)
	for _, d := range t.ne {
		n *= d
	}
	return n
}

func (t tensor) bytes() uint64 {
	switch n := t.elements(); t.typ {
	case F16:
		return n * 2
	case Q4_0:
		return n / 32 * 18
	case Q8_0:
		return n / 32 * 34
	default:
		return n * 4
	}
}

func (c Config) tensors(vocab int) []tensor {
	d, f, v := uint64(c.Dim), uint64(c.FFN), uint64(vocab)
	kv := d / uint64(c.Heads) * uint64(c.KVHeads)
	sd, sf := 1/math.Sqrt(float64(d)), 1/math.Sqrt(float64(f))
	out := []tensor{
		{"token_embd.weight", []uint64{d, v}, c.Type, false, 1},
		{"output_norm.weight", []uint64{d}, F32, true, 0},
		{"output.weight", []uint64{d, v}, c.Type, false, 2 * sd},
	}
	for i := range c.Layers {
		p := fmt.Sprintf("blk.%d.", i)
		out = append(out,
			tensor{p + "attn_norm.weight", []uint64{d}, F32, true, 0},
			tensor{p + "attn_q.weight", []uint64{d, d}, c.Type, false, sd},
			tensor{p + "attn_k.weight", []uint64{d, kv}, c.Type, false, sd},
			tensor{p + "attn_v.weight", []uint64{d, kv}, c.Type, false, sd},
			tensor{p + "attn_output.weight", []uint64{d, d}, c.Type, false, sd},
			tensor{p + "ffn_norm.weight", []uint64{d}, F32, true, 0},
			tensor{p + "ffn_gate.weight", []uint64{d, f}, c.Type, false, sd},
			tensor{p + "ffn_up.weight", []uint64{d, f}, c.Type, false, sd},
			tensor{p + "ffn_down.weight", []uint64{f, d}, c.Type, false, sf})
	}
	return out
}

// Write writes the whole file.
func (c Config) Write(w io.Writer) error {
	c = c.withDefaults()
	if err := c.check(); err != nil {
		return err
	}
	vocab := vocabulary(c.Vocab, c.Control)
	if c.BPE != "" {
		vocab = byteLevel(c.Vocab, c.Control)
	}
	tensors := c.tensors(len(vocab.text))
	e := &encoder{w: w}
	meta := c.metadata(vocab)
	e.raw([]byte("GGUF"))
	e.num(uint32(3), uint64(len(tensors)), uint64(len(meta)))
	for _, kv := range meta {
		e.str(kv.key)
		e.value(kv.value)
	}
	var offset uint64
	for _, t := range tensors {
		e.str(t.name)
		e.num(uint32(len(t.ne)), t.ne, uint32(t.typ), offset)
		offset += align(t.bytes())
	}
	e.pad()
	r := rand.New(rand.NewPCG(c.Seed, 0))
	for _, t := range tensors {
		muteEnd := c.NeverEnds && t.name == "output.weight"
		e.tensor(t, r, muteEnd)
		e.pad()
	}
	return e.flush()
}

// Bytes gives the whole file; it panics on a Config that Write refuses, which in
// a test is a mistake in the test.
func (c Config) Bytes() []byte {
	var b bytes.Buffer
	if err := c.Write(&b); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// Parameters is the number of weights.
func (c Config) Parameters() uint64 {
	c = c.withDefaults()
	n := uint64(0)
	for _, t := range c.tensors(c.Vocab) {
		n += t.elements()
	}
	return n
}
