package main

import (
	"testing"

	"inferd/engine/llamacpp"
)

func TestCPU(t *testing.T) {
	f := func(variant, system, want string) {
		t.Helper()
		got := cpu(llamacpp.Info{CPUVariant: variant, SystemInfo: system})
		if got != want {
			t.Errorf("cpu(%q, %q) = %q, want %q", variant, system, got, want)
		}
	}
	f("zen4", "CPU : SSE3 = 1 | AVX = 1 | AVX512 = 0 | REPACK = 1 | ", "zen4 variant: SSE3 AVX REPACK")
	f("", "Metal : EMBED_LIBRARY = 1 | CPU : NEON = 1 | ", "EMBED_LIBRARY NEON")
	f("x64", "CPU : ", "x64 variant: no special instructions")
	f("", "", "no special instructions")
}
