// Package docs_test holds the documents against the code that they speak of.
package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	quoted   = regexp.MustCompile("`([^`]+)`")
	testName = regexp.MustCompile(`^([a-z0-9_/]+)/((?:Test|Fuzz)[A-Za-z0-9_]*)$`)
	filePath = regexp.MustCompile(`^[a-zA-Z0-9_./-]+/[a-zA-Z0-9_.-]+\.(go|sh|service|md)$`)
)

// declares reports whether a test file of dir has the function.
func declares(t *testing.T, dir, function string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "\nfunc "+function+"(") {
			return true
		}
	}
	return false
}

// TestThreatModel: every file and test that the threat model names exists, and
// every finding names one.
func TestThreatModel(t *testing.T) {
	text, err := os.ReadFile("THREAT_MODEL.md")
	if err != nil {
		t.Fatal(err)
	}
	findings := 0
	for line := range strings.Lines(string(text)) {
		files := 0
		for _, m := range quoted.FindAllStringSubmatch(line, -1) {
			if n := testName.FindStringSubmatch(m[1]); n != nil && n[1] != "package" {
				if !declares(t, n[1], n[2]) {
					t.Errorf("no test %s in %s", n[2], n[1])
				}
			} else if filePath.MatchString(m[1]) {
				files++
				if _, err := os.Stat(filepath.Join("..", m[1])); err != nil {
					t.Errorf("%s is named but not there: %v", m[1], err)
				}
			}
		}
		if strings.HasPrefix(line, "| F-") || strings.HasPrefix(line, "| N-") {
			findings++
			if files == 0 {
				t.Errorf("no file is named for %s", line[:6])
			}
		}
	}
	if findings < 17+27 {
		t.Errorf("%d findings, want at least 44", findings)
	}
}
