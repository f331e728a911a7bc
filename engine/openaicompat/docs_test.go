package openaicompat

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"inferd/engine"
	"inferd/internal/config"
)

// The example in docs/scale-out.md is a config file that loads, and each of its
// entries one that New takes.
func TestScaleOutExample(t *testing.T) {
	doc, err := os.ReadFile("../../docs/scale-out.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(doc), "```json\n")
	example, _, closed := strings.Cut(rest, "```")
	if !found || !closed {
		t.Fatal("no JSON example in the document")
	}
	path := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(path, []byte(example), 0o600); err != nil {
		t.Fatal(err)
	}
	c, _, err := config.Load([]string{"--config", path}, func(name string) string {
		return map[string]string{"FARM_KEY": "k1", "CLOUD_KEY": "k2", "HOME": t.TempDir()}[name]
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Backends) != 3 {
		t.Fatalf("%d backends, want 3", len(c.Backends))
	}
	for i, b := range c.Backends {
		wantWeight, wantKey := 1, "k1"
		if i == 2 {
			wantWeight, wantKey = 0, "k2"
		}
		if b.Weight != wantWeight || b.OpenAI.APIKey != wantKey {
			t.Errorf("%s: weight %d, key %q", b.Name, b.Weight, b.OpenAI.APIKey)
		}
		e, err := New(Options{
			Name: b.Name, BaseURL: b.OpenAI.BaseURL, Model: b.OpenAI.Model, APIKey: b.OpenAI.APIKey,
		}, engine.Hooks{})
		if err != nil {
			t.Errorf("%s: %v", b.Name, err)
			continue
		}
		if err := e.Stop(t.Context()); err != nil {
			t.Errorf("%s: %v", b.Name, err)
		}
	}
}
