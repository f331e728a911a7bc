package config

import "time"

// The kinds of backend.
const (
	KindLlamaCpp = "llamacpp"
	KindOpenAI   = "openai-compat"
	KindMock     = "mock"
)

// builtInName is the entry that serves when nobody configured anything.
const builtInName = "builtin"

// Backend is one entry of the ordered list. Of Llama, OpenAI and Mock the one
// that Kind names counts.
type Backend struct {
	Kind   string
	Name   string // unique; the key of its breaker and its metrics
	Weight int    // 0 stands alone in its place; neighbours with weights share one
	Llama  Llama
	OpenAI OpenAI
	Mock   Mock
}

// Llama is a llamacpp backend: exactly one of BuiltIn, ModelPath and Model.Name
// is set.
type Llama struct {
	BuiltIn      bool   // the model in the binary
	ModelPath    string // a local file
	ModelSHA256  string // of ModelPath; empty is not checked
	Model        Model  // from the store
	NCtx         int
	NGPULayers   int
	Embed        bool
	EmbedPooling string // empty is the model's own
	EmbedNCtx    int
	ChatTemplate string // Jinja, in place of the model's own; a key of the file only
}

// Model names a file of the model store and where to fetch it.
type Model struct {
	Name      string
	SHA256    string // 64 lower-case hex digits
	SizeBytes int64  // 0 is unknown
	SourceURL string // https; empty if the model can only be imported
	License   string
}

// OpenAI is an openai-compat backend.
type OpenAI struct {
	BaseURL   string
	Model     string
	APIKeyEnv string        // name of the variable that held APIKey; empty if a flag did
	APIKey    string        // secret; empty sends no Authorization header
	Timeout   time.Duration // a whole request

	ConnectTimeout    time.Duration
	FirstTokenTimeout time.Duration
	IdleTimeout       time.Duration // between two tokens

	// These are keys of the file only.
	PassTopK      bool          // send top_k, which not every upstream knows
	PassGrammar   bool          // send the grammar as llama-server takes it
	Embed         bool          // the model is for embeddings
	ProbeInterval time.Duration // of the health probe; 0 is none
	ProbePath     string        // relative to BaseURL; empty is the engine's default
}

// Mock is a mock backend.
type Mock struct {
	Tokens     int // -1 is the one token "mock-response"
	TokenDelay time.Duration
	TokenBytes int64  // 0 is the token's own text
	DropAfter  int    // -1 is never
	Error      string // not_ready, invalid_request, unavailable, or empty
	ReadyAfter time.Duration
}

// fromFlags builds the one entry that --backend or the flags of a kind ask for.
func (c *Config) fromFlags(kind string) Backend {
	b := Backend{Kind: kind, Name: kind}
	switch kind {
	case KindMock:
		b.Mock = c.Mock
	case KindOpenAI:
		b.OpenAI = c.OpenAI
	default:
		b.Llama = c.Llama
		b.Llama.EmbedNCtx = defaultEmbedNCtx
		if b.Llama.ModelPath == "" {
			b.Llama.BuiltIn = true
		}
		if b.Llama.BuiltIn {
			b.Name = builtInName
		}
	}
	return b
}
