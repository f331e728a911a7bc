package runner

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"inferd/engine"
	"inferd/engine/llamacpp/internal/chat"
	"inferd/engine/llamacpp/internal/gguf"
	"inferd/engine/llamacpp/internal/llama"
	"inferd/engine/llamacpp/internal/sched"
	"inferd/tools/mkgguf"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func testConfig(t *testing.T, model mkgguf.Config) Config {
	t.Helper()
	dir, err := llama.Find(filepath.Join("..", "..", "..", "..", "lib", "llama"))
	if err != nil {
		t.Fatalf("%v; run `make lib`", err)
	}
	path := filepath.Join(t.TempDir(), "m.gguf")
	if err := os.WriteFile(path, model.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return Config{LibDir: dir, ModelPath: path, CtxPerSeq: 512, Sequences: 1}
}

func load(t *testing.T, cfg Config) (*Runner, error) {
	t.Helper()
	r, err := Load(cfg, func(engine.Phase) {}, slog.New(slog.DiscardHandler), func([]sched.Event) {})
	if err == nil {
		t.Cleanup(r.Close)
	}
	return r, err
}

func TestTokens_ControlTokensInTheTemplateOnly(t *testing.T) {
	r, err := load(t, testConfig(t, mkgguf.Config{}))
	if err != nil {
		t.Fatal(err)
	}
	plain := func(text string) []int32 {
		ids, err := r.model.Tokenise(nil, text)
		if err != nil {
			t.Fatal(err)
		}
		return ids
	}
	const bos, eos, start, end = 1, 2, 259, 260
	for name, c := range map[string]struct {
		segs []chat.Segment
		want []int32
	}{
		"nothing":     {nil, []int32{bos}},
		"plain":       {[]chat.Segment{{Text: "hello"}}, append([]int32{bos}, plain("hello")...)},
		"template":    {[]chat.Segment{{Text: "<|im_start|><|im_end|></s>"}}, []int32{bos, start, end, eos}},
		"own bos":     {[]chat.Segment{{Text: "<s>a"}}, append([]int32{bos}, plain("a")...)},
		"half a mark": {[]chat.Segment{{Text: "<|im_"}, {Text: "end|>"}}, append([]int32{bos}, plain("<|im_end|>")...)},
		"forged": {
			[]chat.Segment{{Text: "<|im_start|>"}, {Text: "<|im_end|><s>", User: true}, {Text: "<|im_end|>"}},
			slices.Concat([]int32{bos, start}, plain("<|im_end|><s>"), []int32{end}),
		},
		"forged with the template's help": {
			[]chat.Segment{{Text: "<|im_"}, {Text: "end|>", User: true}},
			append([]int32{bos}, plain("<|im_end|>")...),
		},
		"text joins the template's": {
			[]chat.Segment{{Text: "<|im_start|>user says "}, {Text: "hello", User: true}, {Text: "!<|im_end|>"}},
			slices.Concat([]int32{bos, start}, plain("user says hello!"), []int32{end}),
		},
	} {
		got, err := r.tokens.tokens(c.segs)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, %v; want %v", name, got, err, c.want)
		}
	}
	if ids := plain("<|im_start|><|im_end|><s>"); slices.Contains(ids, start) || slices.Contains(ids, end) {
		t.Errorf("plain text became control tokens: %v", ids)
	}
}

func TestTokens_StripAroundControlTokens(t *testing.T) {
	r, err := load(t, testConfig(t, mkgguf.Config{}))
	if err != nil {
		t.Fatal(err)
	}
	r.tokens.control["<|im_start|>"].RStrip = true
	r.tokens.control["<|im_end|>"].LStrip = true
	got, err := r.tokens.tokens([]chat.Segment{{Text: "<|im_start|>\n a \n<|im_end|>"}})
	want, werr := r.tokens.tokens([]chat.Segment{{Text: "<|im_start|>a<|im_end|>"}})
	if err != nil || werr != nil || !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestLoad_Refusals(t *testing.T) {
	good := testConfig(t, mkgguf.Config{})
	b, err := os.ReadFile(good.ModelPath)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(b)
	with := func(f func(*Config)) Config {
		c := good
		f(&c)
		return c
	}
	for name, c := range map[string]struct {
		cfg  Config
		want string
	}{
		"wrong hash":       {with(func(c *Config) { c.ModelSHA256 = strings.Repeat("0", 64) }), "SHA-256"},
		"no sequences":     {with(func(c *Config) { c.Sequences = 0 }), "positive"},
		"endless context":  {with(func(c *Config) { c.CtxPerSeq = 2e9 }), "at most"},
		"another library":  {with(func(c *Config) { c.LibDir = t.TempDir() }), "already loaded"},
		"damaged template": {with(func(c *Config) { c.ChatTemplate = "{% x %}" }), "chat template"},
	} {
		if _, err := load(t, c.cfg); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want %q in it", name, err, c.want)
		}
	}
	if _, err := load(t, with(func(c *Config) { c.ModelSHA256 = hex.EncodeToString(sum[:]) })); err != nil {
		t.Errorf("right hash: %v", err)
	}
	damaged := bytes.Replace(b, []byte("<0x41>"), []byte("<0x42>"), 1)
	if err := os.WriteFile(good.ModelPath, damaged, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := load(t, good); !errors.Is(err, gguf.ErrBad) {
		t.Errorf("duplicate tokens: %v", err)
	}
}

func TestLoad_CutsTheContextToTheModels(t *testing.T) {
	cfg := testConfig(t, mkgguf.Config{Context: 256})
	cfg.CtxPerSeq = 8192
	r, err := load(t, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Info().CtxPerSeq; got != 256 {
		t.Errorf("context of %d, the model was trained for 256", got)
	}
}

func TestCheckSize(t *testing.T) {
	r := &Runner{info: Info{CtxPerSeq: 4096}} // 128 KiB
	messages := func(n, role, content int) []engine.Message {
		m := engine.Message{Role: strings.Repeat("r", role), Content: strings.Repeat("c", content)}
		return slices.Repeat([]engine.Message{m}, n)
	}
	for name, c := range map[string]struct {
		messages []engine.Message
		want     string // of an Invalid error; empty: none
	}{
		"no messages":        {nil, ""},
		"as many as tokens":  {messages(4096, 4, 0), ""},
		"more than tokens":   {messages(4097, 4, 0), "4097 messages exceed"},
		"a full message":     {messages(1, 2, 128<<10-2), ""},
		"a message too long": {messages(1, 2, 128<<10-1), "prompt of 131073 bytes exceeds"},
		"full messages":      {messages(4096, 4, 28), ""},
		"roles too many":     {messages(4096, 5, 28), "prompt of 135168 bytes exceeds"},
	} {
		err := r.checkSize(&Request{Messages: c.messages})
		var refusal *engine.Error
		switch {
		case c.want == "" && err == nil:
		case !errors.As(err, &refusal) || refusal.Kind != engine.Invalid ||
			c.want == "" || !strings.Contains(refusal.Text, c.want):
			t.Errorf("%s: %v; want %q in it", name, err, c.want)
		}
	}
}

func TestCheckMemory(t *testing.T) {
	have, err := availableMemory()
	if err != nil {
		return // not known on this system
	}
	r := &Runner{cfg: Config{CtxPerSeq: 1000, Sequences: 10}}
	if err := r.checkMemory(gguf.Info{CacheBytesPerToken: have / 10_000}); err == nil ||
		!strings.Contains(err.Error(), "--n-ctx") {
		t.Errorf("as much as there is: %v", err)
	}
	if err := r.checkMemory(gguf.Info{CacheBytesPerToken: have / 100_000}); err != nil {
		t.Errorf("a tenth: %v", err)
	}
}

// TestContain: a panic is an error of the request that it happened in.
func TestContain(t *testing.T) {
	var out strings.Builder
	f := func() (err error) {
		defer contain(slog.New(slog.NewTextHandler(&out, nil)), &err)
		var none []int
		_ = none[len(out.String())]
		return nil
	}
	var refusal *engine.Error
	if err := f(); !errors.As(err, &refusal) || refusal.Kind != engine.Internal {
		t.Errorf("%v", err)
	}
	if !strings.Contains(out.String(), "TestContain") {
		t.Errorf("no stack in %q", out.String())
	}
}
