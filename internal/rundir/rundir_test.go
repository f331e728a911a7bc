package rundir

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func envOf(m map[string]string) func(string) string {
	return func(k string) string { return m[k] }
}

func TestLeaves(t *testing.T) {
	want := Paths{
		Dir: "/r", Infer: "/r/infer.sock", InferV2: "/r/infer.v2.sock",
		Embed: "/r/infer.embed.sock", Admin: "/r/admin.sock", Lock: "/r/inferd.lock",
	}
	if d := cmp.Diff(want, In("/r")); d != "" {
		t.Error(d)
	}
}

func TestExpandHome(t *testing.T) {
	f := func(in, home, want string) {
		t.Helper()
		if got := ExpandHome(in, envOf(map[string]string{"HOME": home})); got != want {
			t.Errorf("ExpandHome(%q) with HOME=%q = %q, want %q", in, home, got, want)
		}
	}
	f("~/a/b", "/h", "/h/a/b")
	f("~", "/h", "~")
	f("~user/a", "/h", "~user/a")
	f("/a/~/b", "/h", "/a/~/b")
	f("~/a", "", "~/a")
}

func TestEnsureCreatesPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	if err := EnsureParent(filepath.Join(dir, "x.sock")); err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{dir, filepath.Dir(dir)} {
		info, err := os.Stat(d)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != 0o700 {
			t.Errorf("mode of %s = %04o, want 0700", d, got)
		}
	}
}

func TestVet(t *testing.T) {
	root := t.TempDir()
	good := filepath.Join(root, "good")
	open := filepath.Join(root, "open")
	file := filepath.Join(root, "file")
	link := filepath.Join(root, "link")
	for _, err := range []error{
		os.Mkdir(good, 0o700), os.Mkdir(open, 0o700), os.Chmod(open, 0o777),
		os.WriteFile(file, nil, 0o600), os.Symlink(good, link),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	f := func(path string, euid int, want string) {
		t.Helper()
		info, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		err = vet(path, info, euid)
		switch {
		case want == "" && err != nil:
			t.Errorf("vet(%s) = %v, want nil", path, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("vet(%s) = %v, want an error with %q", path, err, want)
		}
	}
	me := os.Geteuid()
	f(good, me, "")
	f(good, me+1, "belongs to user")
	f(open, me, "writable by others")
	f(file, me, "not a directory")
	f(link, me, "is a symlink (refused)")
}

func TestTrustedLeavesOtherPlacesAlone(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(dir, "inferd")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	if err := Trusted(link); err != nil {
		t.Errorf("Trusted(%s) = %v; only directories directly under /tmp are vetted", link, err)
	}
}
