package mkgguf

import "fmt"

// The special tokens.
const (
	tokenUnknown = 0
	tokenBOS     = 1
	tokenEOT     = 260 // <|im_end|>
)

// Token kinds as GGUF spells them.
const (
	kindNormal  = 1
	kindUnknown = 2
	kindControl = 3
	kindByte    = 6
)

type tokens struct {
	text  []string
	score []float32
	kind  []int32

	merges []string // of a byte-level vocabulary
}

func (t *tokens) add(kind int32, text ...string) {
	for _, s := range text {
		t.text = append(t.text, s)
		t.kind = append(t.kind, kind)
		t.score = append(t.score, -float32(len(t.score)))
	}
}

// vocabulary is: specials, the 256 bytes, ChatML's markers, other control tokens,
// printable ASCII, the word mark, then syllables with and without it up to n tokens.
func vocabulary(n int, control []string) tokens {
	var t tokens
	t.add(kindUnknown, "<unk>")
	t.add(kindControl, "<s>", "</s>")
	for b := range 256 {
		t.add(kindByte, fmt.Sprintf("<0x%02X>", b))
	}
	t.add(kindControl, "<|im_start|>", "<|im_end|>")
	t.add(kindControl, control...)
	for c := '!'; c <= '~'; c++ {
		t.add(kindNormal, string(c))
	}
	const wordMark = "\u2581"
	t.add(kindNormal, wordMark)
	for i := 0; len(t.text) < n; i++ {
		s := ""
		for k := i/2 + 1; k > 0; k = (k - 1) / 100 {
			d := (k - 1) % 100
			s += string("bcdfghjklmnprstvwxyz"[d/5]) + string("aeiou"[d%5])
		}
		if i%2 == 0 {
			s = wordMark + s
		}
		t.add(kindNormal, s)
	}
	return t
}

// byteLevel has the same special tokens at the same places; the bytes between
// them are spelled as GPT-2 does, and what follows are pairs of letters, each
// with its merge.
func byteLevel(n int, control []string) tokens {
	var t tokens
	t.add(kindUnknown, "<unk>")
	t.add(kindControl, "<s>", "</s>")
	odd := rune(256) // stands for the next byte that has no printable character
	for b := range rune(256) {
		if b >= '!' && b <= '~' || b >= 0xa1 && b <= 0xac || b >= 0xae {
			t.add(kindNormal, string(b))
			continue
		}
		t.add(kindNormal, string(odd))
		odd++
	}
	t.add(kindControl, "<|im_start|>", "<|im_end|>")
	t.add(kindControl, control...)
	for i := 0; len(t.text) < n; i++ {
		if i < 26*26 {
			t.merges = append(t.merges, string(rune('a'+i/26))+" "+string(rune('a'+i%26)))
			t.add(kindNormal, string(rune('a'+i/26))+string(rune('a'+i%26)))
			continue
		}
		t.add(kindNormal, fmt.Sprintf("<unused%d>", i))
	}
	return t
}

type keyValue struct {
	key   string
	value any
}

func (c Config) metadata(v tokens) []keyValue {
	fileType := map[TensorType]uint32{F32: 0, F16: 1, Q4_0: 2, Q8_0: 7}[c.Type]
	kv := []keyValue{
		{"general.architecture", "llama"},
		{"general.name", c.Name},
		{"general.file_type", fileType},
		{"llama.context_length", uint32(c.Context)},
		{"llama.embedding_length", uint32(c.Dim)},
		{"llama.block_count", uint32(c.Layers)},
		{"llama.feed_forward_length", uint32(c.FFN)},
		{"llama.attention.head_count", uint32(c.Heads)},
		{"llama.attention.head_count_kv", uint32(c.KVHeads)},
		{"llama.attention.layer_norm_rms_epsilon", float32(1e-5)},
		{"llama.rope.dimension_count", uint32(c.Dim / c.Heads)},
		{"llama.rope.freq_base", float32(10000)},
		{"llama.vocab_size", uint32(len(v.text))},
		{"tokenizer.ggml.model", "llama"},
		{"tokenizer.ggml.pre", "default"},
		{"tokenizer.ggml.tokens", v.text},
		{"tokenizer.ggml.scores", v.score},
		{"tokenizer.ggml.token_type", v.kind},
		{"tokenizer.ggml.bos_token_id", uint32(tokenBOS)},
		{"tokenizer.ggml.eos_token_id", uint32(tokenEOT)},
		{"tokenizer.ggml.unknown_token_id", uint32(tokenUnknown)},
		{"tokenizer.ggml.add_bos_token", true},
		{"tokenizer.ggml.add_eos_token", false},
	}
	if c.BPE != "" {
		for i := range kv {
			switch kv[i].key {
			case "tokenizer.ggml.model":
				kv[i].value = "gpt2"
			case "tokenizer.ggml.pre":
				kv[i].value = c.BPE
			}
		}
		kv = append(kv, keyValue{"tokenizer.ggml.merges", v.merges})
	}
	if c.Template != "-" {
		kv = append(kv, keyValue{"tokenizer.chat_template", c.Template})
	}
	return kv
}
