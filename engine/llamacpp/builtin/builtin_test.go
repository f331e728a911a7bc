package builtin

import (
	"testing"

	gguf "github.com/gpustack/gguf-parser-go"
)

// maxBytes bounds the file: every binary with the engine carries it.
const maxBytes = 2 << 20

func TestModelFile(t *testing.T) {
	if n := len(Bytes()); n == 0 || n > maxBytes {
		t.Fatalf("model.gguf has %d bytes, want 1 to %d", n, maxBytes)
	}
	file, err := gguf.ParseGGUFFile("model.gguf")
	if err != nil {
		t.Fatalf("parse model.gguf: %v", err)
	}

	meta := file.Metadata()
	if meta.Architecture != "llama" || meta.Name != Name {
		t.Errorf("architecture and name are %q %q, want llama %q", meta.Architecture, meta.Name, Name)
	}
	arch := file.Architecture()
	// Smaller heads run several times slower, and matrices in Q8_0 need rows of 32.
	headDim := arch.EmbeddingLength / arch.AttentionHeadCount
	if headDim < 32 || arch.EmbeddingLength%32 != 0 || arch.FeedForwardLength[0]%32 != 0 {
		t.Errorf("head dimension %d, embedding %d, feed-forward %d: want at least 32 and multiples of it",
			headDim, arch.EmbeddingLength, arch.FeedForwardLength[0])
	}
	if arch.MaximumContextLength < 1024 {
		t.Errorf("context of %d tokens, want at least 1024", arch.MaximumContextLength)
	}
}

func TestModelTokenizer(t *testing.T) {
	file, err := gguf.ParseGGUFFile("model.gguf", gguf.SkipLargeMetadata(), gguf.UseMMap())
	if err != nil {
		t.Fatalf("parse model.gguf: %v", err)
	}
	keys := map[string]any{
		"tokenizer.ggml.model":            "llama",
		"tokenizer.ggml.eos_token_id":     uint32(260), // <|im_end|>
		"tokenizer.ggml.add_bos_token":    false,       // ChatML begins by itself
		"tokenizer.ggml.add_space_prefix": false,       // trained without
	}
	for key, want := range keys {
		kv, ok := file.Header.MetadataKV.Get(key)
		if !ok || kv.Value != want {
			t.Errorf("%s is %v, want %v", key, kv.Value, want)
		}
	}
	if _, ok := file.Header.MetadataKV.Get("tokenizer.chat_template"); !ok {
		t.Error("the file has no chat template")
	}
}
