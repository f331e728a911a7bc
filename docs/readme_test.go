package docs_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var link = regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)

// TestLinks: what the documents point to is there.
func TestLinks(t *testing.T) {
	docs, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	docs = append(docs, "../README.md", "../CHANGELOG.md", "../packaging/README.md")
	for _, doc := range docs {
		for _, m := range link.FindAllStringSubmatch(document(t, doc), -1) {
			target := filepath.Join(filepath.Dir(doc), m[1])
			text, err := os.ReadFile(target)
			if err != nil {
				t.Errorf("%s: %v", doc, err)
				continue
			}
			if m[2] != "" && !hasHeading(string(text), m[2][1:]) {
				t.Errorf("%s: %s has no heading %s", doc, m[1], m[2])
			}
		}
	}
}

var notInAnchors = regexp.MustCompile(`[^a-z0-9 -]`)

// hasHeading looks for a heading by the anchor that renderers give it.
func hasHeading(text, anchor string) bool {
	for line := range strings.Lines(text) {
		title := strings.TrimLeft(line, "#")
		if title == line {
			continue
		}
		title = notInAnchors.ReplaceAllString(strings.ToLower(strings.TrimSpace(title)), "")
		if strings.ReplaceAll(title, " ", "-") == anchor {
			return true
		}
	}
	return false
}

// TestReadmeProgram: the README's Go program compiles.
func TestReadmeProgram(t *testing.T) {
	_, program, ok := strings.Cut(document(t, "../README.md"), "```go\n")
	program, _, ends := strings.Cut(program, "```\n")
	if !ok || !ends {
		t.Fatal("no Go program in the README")
	}
	dir := t.TempDir()
	source := filepath.Join(dir, "main.go")
	if err := os.WriteFile(source, []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	// An overlay puts it into this module without a file in the tree.
	place, err := filepath.Abs("readme/main.go")
	if err != nil {
		t.Fatal(err)
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{place: source}})
	if err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(list, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("go", "build", "-overlay", list,
		"-o", filepath.Join(dir, "readme"), "./readme").CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
