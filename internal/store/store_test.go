package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

const (
	hello    = "hello world"
	helloSHA = "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9"
)

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		childMain()
		return
	}
	goleak.VerifyTestMain(m)
}

func shaOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func open(t *testing.T, root string, o Options) *Store {
	t.Helper()
	s, err := Open(root, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// put places content in the store without a manifest.
func put(t *testing.T, s *Store, sha string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(s.blobDir(sha), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.blob(sha), content, 0o644); err != nil {
		t.Fatal(err)
	}
}

// importing puts content under a name in the ordinary way.
func importing(t *testing.T, s *Store, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "source.gguf")
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	blob, err := s.Import(context.Background(), path, name, "")
	if err != nil {
		t.Fatal(err)
	}
	return blob
}

func wantError(t *testing.T, what string, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%s: error = %v, want one with %q", what, err, want)
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

func TestImportListRemove(t *testing.T) {
	s := open(t, t.TempDir(), Options{Producer: "inferdctl/9"})
	if list, err := s.List(); err != nil || len(list) != 0 {
		t.Errorf("List of nothing = %v, %v", list, err)
	}
	blob := importing(t, s, "beta", hello)
	if same := importing(t, s, "alpha", hello); same != blob {
		t.Errorf("the same content has two places: %s, %s", blob, same)
	}
	importing(t, s, "gamma", "other")
	importing(t, s, "gamma", "other") // again is fine

	if text, _ := os.ReadFile(blob); string(text) != hello {
		t.Errorf("blob holds %q", text)
	}
	if info, _ := os.Stat(blob); info.Mode().Perm() != 0o444 {
		t.Errorf("mode of the blob = %v", info.Mode())
	}
	list, err := s.List()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range list {
		names = append(names, e.Name)
		if e.Problem != nil {
			t.Errorf("%s: %v", e.Name, e.Problem)
		}
	}
	if d := cmp.Diff([]string{"alpha", "beta", "gamma"}, names); d != "" {
		t.Error(d)
	}
	if m := list[1].Manifest; m.Source.Registry != "local-import" || m.SizeBytes != 11 ||
		m.Source.Filename != "source.gguf" || m.ProducedBy != "inferdctl/9" || m.License != nil {
		t.Errorf("manifest = %+v", m)
	}

	// The content stays as long as a name needs it.
	r, err := s.Remove("beta")
	if err != nil || !cmp.Equal(r, Removed{SharedWith: []string{"alpha"}}) || !exists(blob) {
		t.Errorf("Remove(beta) = %+v, %v; blob there: %v", r, err, exists(blob))
	}
	r, err = s.Remove("alpha")
	if err != nil || r.FreedBytes != 11 || r.SharedWith != nil || exists(s.blobDir(helloSHA)) {
		t.Errorf("Remove(alpha) = %+v, %v", r, err)
	}
	if _, err := s.Remove("alpha"); !errors.Is(err, ErrNotFound) {
		t.Errorf("Remove again = %v, want ErrNotFound", err)
	}
}

func TestRemoveSparesOthersContent(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	blob := importing(t, s, "mine", hello)
	// A manifest of another tool, with a name that the rule here would refuse.
	foreign := filepath.Join(s.manifestsDir(), "org@model:tag.json")
	text := `{"schema_version": 7, "blob": "sha256:` + helloSHA + `"}`
	if err := os.WriteFile(foreign, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	r, err := s.Remove("mine")
	if err != nil || !exists(blob) || len(r.SharedWith) != 1 {
		t.Errorf("Remove = %+v, %v; blob there: %v", r, err, exists(blob))
	}
	// With a manifest that can't be read, nobody knows: all stays, until it is gone.
	importing(t, s, "mine", hello)
	if err := os.WriteFile(foreign, []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = s.Remove("mine")
	wantError(t, "Remove", err, "nothing is removed")
	if !exists(blob) || !exists(s.manifest("mine")) {
		t.Error("want the name and the content there")
	}
	if err := os.Remove(foreign); err != nil {
		t.Fatal(err)
	}
	r, err = s.Remove("mine")
	if err != nil || r.FreedBytes != int64(len(hello)) || exists(blob) {
		t.Errorf("Remove = %+v, %v; blob there: %v", r, err, exists(blob))
	}
}

func TestRemoveBusyAndBroken(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	importing(t, s, "m", hello)
	for _, path := range []string{s.nameLock("m"), s.blobLock(helloSHA)} {
		unlock, err := s.tryLock(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Remove("m"); !errors.Is(err, ErrBusy) {
			t.Errorf("Remove under %s = %v, want ErrBusy", path, err)
		}
		unlock()
	}
	if err := os.WriteFile(s.manifest("m"), []byte("junk"), 0o644); err != nil {
		t.Fatal(err)
	}
	list, err := s.List()
	if err != nil || len(list) != 1 || list[0].Problem == nil || list[0].Manifest != nil {
		t.Errorf("List = %+v, %v; want the problem shown", list, err)
	}
	if _, err := s.Remove("m"); err != nil || exists(s.manifest("m")) {
		t.Errorf("Remove of a broken manifest: %v", err)
	}
	for _, name := range []string{"", "../m", ".m", "nul"} {
		_, err := s.Remove(name)
		wantError(t, "Remove "+name, err, "bad model name")
	}
}

func TestImportErrors(t *testing.T) {
	root := t.TempDir()
	s := open(t, root, Options{})
	source := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(source, []byte(hello), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	f := func(want, path, name, sha string) {
		t.Helper()
		_, err := s.Import(ctx, path, name, sha)
		wantError(t, path+" as "+name, err, want)
	}
	f("bad model name", source, "a/b", "")
	f("no such file", source+".absent", "m", "")
	f("not a regular file", root, "m", "")
	f("SHA-256 mismatch (expected "+strings.Repeat("0", 64)+", got "+helloSHA+")",
		source, "m", strings.Repeat("0", 64))
	importing(t, s, "taken", "other")
	f("is already there with other content", source, "taken", "")

	s.freeBytes = func(string) (uint64, error) { return reserveBytes, nil }
	_, err := s.Import(ctx, source, "m", helloSHA)
	if !errors.Is(err, ErrNoSpace) || exists(s.partialDir(helloSHA)) {
		t.Errorf("full disk: %v, want ErrNoSpace and nothing left behind", err)
	}
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := s.Import(canceled, source, "m", ""); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled import: %v", err)
	}
	if text, _ := os.ReadFile(source); string(text) != hello {
		t.Error("the source was touched")
	}
}

func TestVerify(t *testing.T) {
	ctx := context.Background()
	s := open(t, t.TempDir(), Options{})
	if _, err := s.Verify(ctx, "m"); !errors.Is(err, ErrNotFound) {
		t.Errorf("absent: %v", err)
	}
	blob := importing(t, s, "m", hello)
	if m, err := s.Verify(ctx, "m"); err != nil || m.SHA256() != helloSHA {
		t.Errorf("good content: %v, %v", m, err)
	}
	damage(t, blob, "hello_world")
	_, err := s.Verify(ctx, "m")
	mismatch, ok := errors.AsType[*MismatchError](err)
	if !ok || mismatch.Expected != helloSHA || !exists(mismatch.Quarantine) || exists(blob) {
		t.Errorf("damaged content: %v", err)
	}
	_, err = s.Verify(ctx, "m")
	wantError(t, "missing content", err, "content is missing")
}

func damage(t *testing.T, path, content string) {
	t.Helper()
	err := errors.Join(os.Chmod(path, 0o644), os.WriteFile(path, []byte(content), 0o644))
	if err != nil {
		t.Fatal(err)
	}
}

func TestOpenWithoutRoot(t *testing.T) {
	_, err := Open("", Options{})
	wantError(t, "Open", err, "set models_home")
}
