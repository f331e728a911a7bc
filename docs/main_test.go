package docs_test

import (
	"os"
	"strings"
	"testing"

	"inferd/tests/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

// document is a file of this directory, or one named relative to it.
func document(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// between is what stands between the lines `<!-- NAME -->` and `<!-- /NAME -->`.
func between(t *testing.T, text, name string) string {
	t.Helper()
	_, rest, ok := strings.Cut(text, "<!-- "+name+" -->\n")
	part, _, ends := strings.Cut(rest, "<!-- /"+name+" -->\n")
	if !ok || !ends {
		t.Fatalf("no part between <!-- %s --> and <!-- /%s -->", name, name)
	}
	return part
}
