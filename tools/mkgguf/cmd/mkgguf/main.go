package main

import (
	"flag"
	"fmt"
	"os"

	"inferd/tools/mkgguf"
)

func main() {
	c := mkgguf.H64()
	out := flag.String("o", "tiny.gguf", "output file")
	typ := flag.Uint("type", 0, "weights: 0 F32, 1 F16, 2 Q4_0, 8 Q8_0")
	flag.IntVar(&c.Vocab, "vocab", c.Vocab, "vocabulary size")
	flag.IntVar(&c.Dim, "dim", c.Dim, "embedding length")
	flag.IntVar(&c.Layers, "layers", c.Layers, "blocks")
	flag.IntVar(&c.Heads, "heads", c.Heads, "attention heads")
	flag.IntVar(&c.KVHeads, "kv", c.KVHeads, "key-value heads")
	flag.IntVar(&c.FFN, "ffn", c.FFN, "feed-forward length")
	flag.IntVar(&c.Context, "ctx", c.Context, "trained context length")
	flag.Uint64Var(&c.Seed, "seed", c.Seed, "seed of the weights")
	flag.StringVar(&c.Name, "name", c.Name, "general.name")
	flag.Parse()
	c.Type = mkgguf.TensorType(*typ)

	if err := write(*out, c); err != nil {
		fmt.Fprintln(os.Stderr, "mkgguf:", err)
		os.Exit(1)
	}
	fmt.Printf("%s: %.1fM parameters\n", *out, float64(c.Parameters())/1e6)
}

func write(path string, c mkgguf.Config) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := c.Write(f); err != nil {
		_ = f.Close() // the first error is the one to tell
		return err
	}
	return f.Close()
}
