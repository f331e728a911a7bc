package llamacpp

import (
	"os"
	"path/filepath"
	"testing"
)

func TestVariantIn(t *testing.T) {
	f := func(maps, want string) {
		t.Helper()
		if got := variantIn(maps); got != want {
			t.Errorf("variantIn(%q) = %q, want %q", maps, got, want)
		}
	}
	const at = "7f00-7f01 r-xp 00000000 08:01 42    "
	f("", "")
	f("7f00-7f01 rw-p 00000000 00:00 0\n"+at+"/opt/a b/libggml-cpu-zen4.so\n", "zen4")
	f(at+"/usr/lib/libggml-cpu-haswell.so.0 (deleted)\n", "haswell")
	f(at+"/usr/lib/libggml-cpu.so\n"+at+"/libggml-cpu-x/libllama.so\n", "")
}

// TestProbe_CPUVariant: of the published libraries one fits this processor.
func TestProbe_CPUVariant(t *testing.T) {
	variants, err := filepath.Glob(filepath.Join(testLibDir(t), "libggml-cpu-*.so"))
	if err != nil {
		t.Fatal(err)
	}
	i, err := Probe(testLibDir(t), "")
	if err != nil {
		t.Fatal(err)
	}
	if (i.CPUVariant != "") != (len(variants) > 0) {
		t.Errorf("variant %q of %d", i.CPUVariant, len(variants))
	}
	if i.CPUVariant == "" {
		return
	}
	if _, err := os.Stat(filepath.Join(i.Dir, "libggml-cpu-"+i.CPUVariant+".so")); err != nil {
		t.Error(err)
	}
}
