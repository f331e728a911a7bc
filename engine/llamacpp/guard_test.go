package llamacpp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"inferd/engine"
	"inferd/engine/llamacpp/builtin"
	"inferd/tools/mkgguf"
)

// mutate changes a few bytes of the header, or cuts the file.
func mutate(r *rand.Rand, file []byte, header int) []byte {
	out := bytes.Clone(file)
	for range 1 + r.IntN(3) {
		at := r.IntN(header)
		switch r.IntN(5) {
		case 0:
			out[at] = byte(r.Uint32())
		case 1:
			out[at] ^= 1 << r.IntN(8)
		case 2:
			copy(out[at:], []byte{0, 0, 0, 0})
		case 3:
			copy(out[at:], []byte{0xff, 0xff, 0xff, 0x7f})
		case 4:
			copy(out[at:min(at+16, header)], out[r.IntN(header):])
		}
	}
	if r.IntN(10) == 0 {
		out = out[:r.IntN(len(out))]
	}
	return out
}

// TestGuards_DamagedFilesKillNoDaemon loads damaged models. Most are refused by
// the check, the rest by llama.cpp; should native code crash all the same, only
// the worker dies of it and the load fails with an error.
func TestGuards_DamagedFilesKillNoDaemon(t *testing.T) {
	small := mkgguf.Config{Vocab: 360, Dim: 32, FFN: 32, Layers: 1}.Bytes()
	header := bytes.Index(small, []byte("blk.0.ffn_down.weight")) + 64
	path := filepath.Join(t.TempDir(), "m.gguf")
	r := rand.New(rand.NewPCG(1, 2))
	outcomes := make(map[string]int)
	for i := range 60 {
		// Near the end lie the numbers of the architecture and the tensors.
		file := mutate(r, small, header)
		if err := os.WriteFile(path, file, 0o600); err != nil {
			t.Fatal(err)
		}
		e, err := New(t.Context(), Options{ModelPath: path, LibDir: testLibDir(t), NCtx: 128}, engine.Hooks{})
		switch {
		case err == nil:
			outcomes["served"]++
			_, _ = e.Generate(t.Context(), ask("hi", 3), &sink{t: t}) // may fail, must return
			if err := e.Stop(context.Background()); err != nil {
				t.Errorf("file %d: stop: %v", i, err)
			}
		case strings.Contains(err.Error(), "not a usable GGUF"):
			outcomes["refused by the check"]++
		case strings.Contains(err.Error(), "worker died"):
			outcomes["crashed the worker"]++
		default:
			outcomes["refused by llama.cpp"]++
		}
	}
	t.Logf("%v", outcomes)
	if n := outcomes["crashed the worker"]; n > 0 {
		t.Errorf("the check let %d files through that kill llama.cpp", n)
	}
	if outcomes["refused by the check"] < 10 {
		t.Errorf("the check refused only %d of 60", outcomes["refused by the check"])
	}
}

// TestGuards_AmbiguousGrammar: a grammar whose readings multiply with every character
// costs its own request and no other.
func TestGuards_AmbiguousGrammar(t *testing.T) {
	e := start(t, Options{Parallel: 2, ModelBytes: builtin.Bytes(), NCtx: 512}, testHooks(t))
	other := make(chan error, 1)
	go func() {
		_, err := e.Generate(t.Context(), ask("Count from one to ninety.", 100), &sink{t: t})
		other <- err
	}()
	req := ask("Tell me a story.", 400)
	req.Grammar = "root ::= s \"\\x01\"\ns ::= s s | [^\\x01]"
	_, err := e.Generate(t.Context(), req, &sink{t: t})
	var refusal *engine.Error
	if !errors.As(err, &refusal) || refusal.Kind != engine.Invalid || !strings.Contains(refusal.Text, "too ambiguous") {
		t.Errorf("%v", err)
	}
	if err := <-other; err != nil {
		t.Errorf("the other: %v", err)
	}
	if n := e.Stats().Restarts; n != 0 {
		t.Errorf("the worker died %d times", n)
	}
}

func TestGuards_Requests(t *testing.T) {
	e := start(t, Options{Parallel: 2}, testHooks(t))
	for name, c := range map[string]struct {
		change func(*engine.Request)
		want   string // of an Invalid error; empty: served
	}{
		"deep grammar": {func(r *engine.Request) {
			r.Grammar = "root ::= " + strings.Repeat("(", 30000) + `"a"` + strings.Repeat(")", 30000)
		}, "nested deeper"},
		"long grammar":      {func(r *engine.Request) { r.Grammar = strings.Repeat("# comment\n", 7000) }, "exceeds 65536"},
		"many alternatives": {func(r *engine.Request) { r.Grammar = `root ::= "a"` + strings.Repeat(`|"b"`, 5000) }, "4096 alternatives"},
		"undefined rule":    {func(r *engine.Request) { r.Grammar = `root ::= x` }, "undefined rule"},
		"left recursion":    {func(r *engine.Request) { r.Grammar = "root ::= root \"a\" | \"b\"" }, ""},
		"leads nowhere":     {func(r *engine.Request) { r.Grammar = `root ::= [z-a]` }, "leaves no token"},
		"no such token":     {func(r *engine.Request) { r.Grammar = `root ::= <no such token>` }, "no token"},
		"NUL in a grammar":  {func(r *engine.Request) { r.Grammar = `root ::= "\x00"` }, ""},
		"endless nothing":   {func(r *engine.Request) { r.Grammar = `root ::= (""*)* "a"` }, ""},
		"long chain": {func(r *engine.Request) {
			var b strings.Builder
			b.WriteString("root ::= r0\n")
			for i := range 3000 {
				fmt.Fprintf(&b, "r%d ::= r%d\n", i, i+1)
			}
			b.WriteString("r3000 ::= \"a\"\n")
			r.Grammar = b.String()
		}, ""},
		"many optionals":   {func(r *engine.Request) { r.Grammar = `root ::= "a"{0,500} [b-z]{0,500}` }, ""},
		"NUL in a prompt":  {func(r *engine.Request) { r.Messages[0].Content = "a\x00b" }, ""},
		"not UTF-8":        {func(r *engine.Request) { r.Messages[0].Content = "\xff\xfe" }, ""},
		"control tokens":   {func(r *engine.Request) { r.Messages[0].Content = strings.Repeat("<|im_end|>", 60) }, ""},
		"prompt too large": {func(r *engine.Request) { r.Messages[0].Content = strings.Repeat("<|im_end|>", 1<<18) }, "context of"},
		"odd sampling":     {func(r *engine.Request) { r.Temperature, r.TopP, r.TopK = 1e308, -5, 1<<32-1 }, ""},
		"no messages":      {func(r *engine.Request) { r.Messages = nil }, ""},
		"empty text":       {func(r *engine.Request) { r.Messages[0].Content = "" }, ""},
	} {
		req := ask("hello", 3)
		c.change(req)
		_, err := e.Generate(t.Context(), req, &sink{t: t})
		var refusal *engine.Error
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.want == "":
		case !errors.As(err, &refusal) || refusal.Kind != engine.Invalid || !strings.Contains(refusal.Text, c.want):
			t.Errorf("%s: %v; want %q in it", name, err, c.want)
		}
	}
	if n := e.Stats().Restarts; n != 0 {
		t.Errorf("the worker died %d times", n)
	}
}
