package llamacpp

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestProbe(t *testing.T) {
	i, err := Probe(testLibDir(t), "")
	if err != nil {
		t.Fatal(err)
	}
	if !i.Pinned || !strings.HasPrefix(i.Version, "0.4.0") || len(i.Devices) == 0 || i.SystemInfo == "" {
		t.Errorf("%+v", i)
	}
}

// TestProbe_ChangedLibrary: a directory that claims to hold the published
// libraries must hold them.
func TestProbe_ChangedLibrary(t *testing.T) {
	dir := t.TempDir()
	files, err := filepath.Glob(filepath.Join(testLibDir(t), "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		name := filepath.Base(f)
		if strings.HasPrefix(name, "libllama") {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, name), append(b, 0), 0o600); err != nil {
				t.Fatal(err)
			}
		} else if err := os.Symlink(f, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	_, err = New(t.Context(), Options{LibDir: dir, ModelPath: os.Args[0]}, testHooks(t))
	if !errors.Is(err, ErrNoLibrary) || !strings.Contains(err.Error(), "differ from llama.cpp") {
		t.Errorf("%v", err)
	}
}
