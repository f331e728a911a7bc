package runner

import (
	"runtime"
)

// Config says what to load and how large. It crosses to the worker as JSON.
type Config struct {
	LibDir       string // as llama.Find gave it
	AllowVersion string // one further library version to accept
	ModelPath    string
	ModelSHA256  string // hex; empty: not checked
	ChatTemplate string // overrides the model's own
	CtxPerSeq    int    // tokens; cut to what the model was trained for
	Sequences    int
	GPULayers    int
	Threads      int // 0: all cores but one
	NoReuse      bool
}

const (
	// maxCtxPerSeq bounds what a configuration can ask for, whatever a model
	// file claims it was trained for.
	maxCtxPerSeq = 1 << 20
	// maxTotalCtx bounds the cache of all sequences together.
	maxTotalCtx = 1 << 26
	// batchTokens is what a step takes; large enough for a prompt to be read
	// efficiently.
	batchTokens = 512
	// maxPromptBytesPerToken: text that packs more bytes in a token than this
	// does not occur; a longer prompt can not fit and is not even tokenised.
	maxPromptBytesPerToken = 32
	// minPromptBytes is always let through to the tokeniser.
	minPromptBytes = 64 << 10
)

func (c Config) threads() int {
	if c.Threads > 0 {
		return c.Threads
	}
	// libggml's threads spin at barriers: one core stays for everything else.
	return max(1, runtime.NumCPU()-1)
}

// batch leaves room for prompts beside one token of every sequence.
func (c Config) batch() int { return max(batchTokens, 2*c.Sequences) }
