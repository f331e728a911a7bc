package gguf

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ebitengine/purego"
	parser "github.com/gpustack/gguf-parser-go"

	"inferd/tools/mkgguf"
)

func check(b []byte) (Info, error) { return Check(bytes.NewReader(b), int64(len(b))) }

func TestCheck_Sound(t *testing.T) {
	for _, c := range []mkgguf.Config{
		{},
		{Type: mkgguf.F16},
		{Type: mkgguf.Q8_0},
		{Type: mkgguf.Q4_0, Vocab: 4096},
		{Template: "-"},
		{BPE: "qwen2"},
	} {
		b := c.Bytes()
		info, err := check(b)
		if err != nil {
			t.Errorf("%+v: %v", c, err)
			continue
		}
		want := Info{
			Architecture: "llama", Name: "random-llama", Context: 8192, Layers: 2,
			CacheBytesPerToken: 2 * 2 * 2 * 64,
		}
		if info != want {
			t.Errorf("%+v: %+v, want %+v", c, info, want)
		}
	}
}

// TestCheck_AgreesWithParser holds the reader against another one.
func TestCheck_AgreesWithParser(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.gguf")
	b := mkgguf.Config{Vocab: 2000, Layers: 3, Type: mkgguf.Q8_0}.Bytes()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	other, err := parser.ParseGGUFFile(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := check(b)
	if err != nil {
		t.Fatal(err)
	}
	a := other.Architecture()
	if a.Architecture != info.Architecture || int(a.BlockCount) != info.Layers || //nolint:gosec // small
		int(a.MaximumContextLength) != info.Context {
		t.Errorf("%+v, the other parser says %s, %d layers, context %d",
			info, a.Architecture, a.BlockCount, a.MaximumContextLength)
	}
}

// TestTensorTypes holds the table of block sizes against libggml's own.
func TestTensorTypes(t *testing.T) {
	dir := filepath.Join("..", "..", "..", "..", "lib", "llama")
	path := filepath.Join(dir, "libggml-base.so")
	if _, err := os.Stat(path); err != nil {
		path = filepath.Join(dir, "libggml-base.dylib")
	}
	h, err := purego.Dlopen(path, purego.RTLD_NOW)
	if err != nil {
		t.Fatalf("%v; run `make lib`", err)
	}
	var (
		blockSize func(typ int32) int64
		typeSize  func(typ int32) uint64
	)
	purego.RegisterLibFunc(&blockSize, h, "ggml_blck_size")
	purego.RegisterLibFunc(&typeSize, h, "ggml_type_size")
	for typ := range int32(42) {
		have, known := tensorTypes[uint32(typ)]
		want := blockLayout{uint64(blockSize(typ)), typeSize(typ)}
		if known && have != want {
			t.Errorf("type %d: %+v, libggml has %+v", typ, have, want)
		}
		if !known && want.bytes != 0 && want.elements != 0 {
			t.Errorf("type %d of libggml is missing: %+v", typ, want)
		}
	}
}

// replace changes the first occurrence of old, of the same length.
func replace(b []byte, old, changed string) []byte {
	if len(old) != len(changed) || !bytes.Contains(b, []byte(old)) {
		panic("bad replacement of " + old)
	}
	return bytes.Replace(b, []byte(old), []byte(changed), 1)
}

// afterKey overwrites bytes at an offset behind a metadata key's name.
func afterKey(b []byte, key string, at int, v any) []byte {
	i := bytes.Index(b, []byte(key))
	out := bytes.Clone(b)
	val, err := binary.Append(nil, binary.LittleEndian, v)
	if i < 0 || err != nil {
		panic("bad key " + key)
	}
	copy(out[i+len(key)+at:], val)
	return out
}

func TestCheck_Refusals(t *testing.T) {
	good := mkgguf.Config{}.Bytes()
	at := func(offset int, v any) []byte {
		out := bytes.Clone(good)
		val, err := binary.Append(nil, binary.LittleEndian, v)
		if err != nil {
			panic(err)
		}
		copy(out[offset:], val)
		return out
	}
	named := func(tokeniser string) []byte { // 5 bytes, and any multiple of 32 more
		entry := func(name string) []byte {
			b := binary.LittleEndian.AppendUint32([]byte("tokenizer.ggml.model"), typeString)
			return append(binary.LittleEndian.AppendUint64(b, uint64(len(name))), name...)
		}
		noFF := replace(good, "<0xFF>", "<0xF>>")
		return bytes.Replace(noFF, entry("llama"), entry(tokeniser), 1)
	}
	const value, arrayLen = 4, 8 // offsets behind a key: its type comes first
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"empty":             {nil, "ends within its header"},
		"another format":    {[]byte("\x7fELF............"), "does not begin with GGUF"},
		"version 1":         {at(4, uint32(1)), "version 1"},
		"version 9":         {at(4, uint32(9)), "version 9"},
		"big-endian":        {at(4, uint32(3<<24)), "big-endian"},
		"no tensors":        {at(8, uint64(0)), "0 tensors"},
		"countless tensors": {at(8, uint64(1)<<60), "tensors"},
		"countless keys":    {at(16, uint64(1)<<60), "metadata keys"},
		"cut in the header": {good[:3000], "ends within its header"},
		"cut in the data":   {good[:len(good)-100], "truncated"},
		"long key":          {at(24, uint64(1)<<40), "a metadata key of"},
		"key twice":         {replace(good, "llama.block_count", "llama.vocab_sizeX")[:], "block_count is missing"},
		"unknown type":      {afterKey(good, "general.file_type", 0, uint32(77)), "unknown type 77"},
		"no heads":          {afterKey(good, "llama.attention.head_count", value, uint32(0)), "head_count is 0"},
		"no kv heads":       {afterKey(good, "head_count_kv", value, uint32(0)), "head_count_kv is 0"},
		"eps below zero":    {afterKey(good, "layer_norm_rms_epsilon", value, float32(-1)), "layer_norm_rms_epsilon is -1"},
		"eps not a number":  {afterKey(good, "layer_norm_rms_epsilon", value, float32(math.NaN())), "layer_norm_rms_epsilon is NaN"},
		"no embedding":      {afterKey(good, "llama.embedding_length", value, uint32(0)), "embedding_length is 0"},
		"too many layers":   {afterKey(good, "llama.block_count", value, uint32(1<<30)), "block_count is"},
		"context too long":  {afterKey(good, "llama.context_length", value, uint32(2e9)), "context_length is"},
		"duplicate tokens":  {replace(good, "<0x41>", "<0x42>"), "repeats the text"},
		"twice up to NUL":   {replace(replace(good, "<0x41>", "ab\x00zzz"), "<0x42>", "ab\x00yyy"), "repeats the text"},
		"no byte AB":        {replace(good, "<0xAB>", "<0xab>"), "no token for byte 0xAB"},
		"no byte 00":        {replace(good, "<0x00>", "\x00x000>"), "no token for byte 0x00"},
		"no byte FF":        {named("llama"), "no token for byte 0xFF"},
		"no byte up to NUL": {named("llama\x00" + strings.Repeat("x", 31)), "no token for byte 0xFF"},
		"few scores":        {afterKey(good, "tokenizer.ggml.scores", arrayLen, uint64(5)), ""},
		"endless array":     {afterKey(good, "tokenizer.ggml.scores", arrayLen, uint64(1)<<62), "elements"},
		"no architecture":   {replace(good, "general.architecture", "general.architektur_"), "general.architecture"},
		"odd architecture":  {replace(good, "llama", "../.."), "not a name"},
		"nameless dims":     {afterKey(good, "token_embd.weight", 0, uint32(9)), "9 dimensions"},
		"empty dimension":   {afterKey(good, "token_embd.weight", 4, uint64(0)), "impossible shape"},
		"huge dimensions":   {afterKey(good, "token_embd.weight", 4, []uint64{1 << 62, 1 << 62}), "impossible shape"},
		"unknown tensor":    {afterKey(good, "token_embd.weight", 20, uint32(5)), "unknown type 5"},
		"odd offset":        {afterKey(good, "output_norm.weight", 16, uint64(7)), "odd place"},
		"far offset":        {afterKey(good, "output_norm.weight", 16, uint64(1)<<60), "beyond the end"},
		"wrapping offset":   {afterKey(good, "output_norm.weight", 16, ^uint64(31)), "beyond the end"},
		"tensor twice":      {replace(good, "blk.0.attn_q.weight", "blk.0.attn_k.weight"), "occurs twice"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := check(c.file)
			if !errors.Is(err, ErrBad) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v; want %q in it", err, c.want)
			}
		})
	}
}

// TestCheck_PlainBytes: llama.cpp takes the byte's own text where it finds no
// <0xNN>.
func TestCheck_PlainBytes(t *testing.T) {
	good := mkgguf.Config{}.Bytes()
	for name, b := range map[string][]byte{
		"letter twice": replace(good, "<0x61>", "<0x6?>"), // there is an "a"
		"byte":         replace(good, "<0xFF>", "\xff\x00----"),
	} {
		if _, err := check(b); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCheck_KeyTwice(t *testing.T) {
	b := replace(mkgguf.Config{}.Bytes(), "tokenizer.ggml.add_bos_token", "tokenizer.ggml.add_eos_token")
	if _, err := check(b); err == nil || !strings.Contains(err.Error(), "occurs twice") {
		t.Errorf("%v", err)
	}
}

// FuzzCheck mutates headers; the weights behind them are only claimed, so that
// inputs stay small.
func FuzzCheck(f *testing.F) {
	small := mkgguf.Config{Vocab: 360, Dim: 32, FFN: 32, Layers: 1}.Bytes()
	header := small[:bytes.Index(small, []byte("blk.0.ffn_down.weight"))+64]
	if _, err := Check(bytes.NewReader(header), int64(len(small))); err != nil {
		f.Fatal(err)
	}
	f.Add(header)
	f.Add(header[:100])
	f.Add([]byte("GGUF\x03\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		info, err := Check(bytes.NewReader(b), 1<<20)
		if err == nil && (info.Architecture == "" || info.Layers == 0) {
			t.Errorf("passed without an architecture: %+v", info)
		}
		if err != nil && !errors.Is(err, ErrBad) {
			t.Errorf("%v is not ErrBad", err)
		}
	})
}
