package version

import (
	"regexp"
	"testing"
)

// TestCommit: a test binary has no revision recorded, so the linker's word
// counts.
func TestCommit(t *testing.T) {
	f := func(linked, want string) {
		t.Helper()
		defer func(old string) { commit = old }(commit)
		commit = linked
		if got := Commit(); !regexp.MustCompile("^" + want + "$").MatchString(got) {
			t.Errorf("linked with %q, Commit() = %q, want %s", linked, got, want)
		}
	}
	f("", "unknown")
	f("0123456789ab", "0123456789ab")
}
