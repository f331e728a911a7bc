package mkgguf

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

func TestWrite_Deterministic(t *testing.T) {
	a, b := Config{Seed: 7}.Bytes(), Config{Seed: 7}.Bytes()
	if !bytes.Equal(a, b) {
		t.Error("one configuration gave two files")
	}
	if other := (Config{Seed: 8}).Bytes(); bytes.Equal(a, other) || len(a) != len(other) {
		t.Error("another seed gave the same file or another size")
	}
}

func TestWrite_Size(t *testing.T) {
	for typ, perWeight := range map[TensorType]float64{F32: 4, F16: 2, Q8_0: 34. / 32, Q4_0: 18. / 32} {
		c := Config{Type: typ, Vocab: 4096, Dim: 128}
		weights := float64(c.Parameters()) * perWeight
		if got := float64(len(c.Bytes())); got < weights || got > weights+200_000 {
			t.Errorf("type %d: %.0f bytes for weights of %.0f", typ, got, weights)
		}
	}
}

func TestWrite_Refusals(t *testing.T) {
	for want, c := range map[string]Config{
		"below 360":       {Vocab: 100},
		"positive":        {Layers: -1},
		"divide":          {Heads: 3},
		"multiples of 32": {Dim: 48, Type: Q8_0},
	} {
		if err := c.Write(io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v; want %q in it", c, err, want)
		}
	}
}
