package gguf

import (
	"testing"

	"inferd/tools/mkgguf"
)

func BenchmarkCheck(b *testing.B) {
	file := mkgguf.Config{}.Bytes()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := check(file); err != nil {
			b.Fatal(err)
		}
	}
}
