package modelname

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	f := func(name, want string) {
		t.Helper()
		err := Check(name)
		if want == "" && err != nil || want != "" && (err == nil ||
			!strings.Contains(err.Error(), want)) {
			t.Errorf("Check(%q) = %v, want %q", name, err, want)
		}
	}
	for _, good := range []string{
		"a", "gemma-4-e4b", "Q4_K.M", "com0", "con-1", "comx", "lpt10", "a.con",
		strings.Repeat("a", MaxBytes),
	} {
		f(good, "")
	}
	for _, bad := range []string{
		"", ".a", "a..b", "..", "a/b", `a\b`, "a b", "ä", "a\n", "a\x00", "a:b", "@a", "`a", "{",
		strings.Repeat("a", MaxBytes+1),
	} {
		f(bad, "want 1 to 128 of")
	}
	for _, device := range []string{"CON", "nul.gguf", "Com1", "lpt9.x", "aux", "PRN.a.b"} {
		f(device, "a device name")
	}
}

func FuzzCheck(f *testing.F) {
	for _, seed := range []string{"a", "..", "a/../b", "CON", strings.Repeat("x", 200)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if Check(name) != nil {
			return
		}
		// Whatever passes stays in its directory.
		if got := filepath.Join("/root/manifests", name+".json"); filepath.Dir(got) !=
			"/root/manifests" || filepath.Base(got) != name+".json" {
			t.Errorf("%q leads to %s", name, got)
		}
	})
}
