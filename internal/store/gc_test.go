package store

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestQuarantine(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	s.now = func() time.Time { return time.Date(2026, 5, 21, 10, 0, 7, 0, time.UTC) }
	var got []string
	for _, content := range []string{"one", "two"} {
		path := filepath.Join(s.root, "bad")
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		target, err := s.quarantine(path, "sha mismatch/../x")
		if err != nil {
			t.Fatal(err)
		}
		if exists(path) {
			t.Error("the rejected file is still in its place")
		}
		if text, _ := os.ReadFile(target); string(text) != content {
			t.Errorf("%s holds %q, want %q", target, text, content)
		}
		got = append(got, filepath.Base(target))
	}
	want := []string{
		"20260521T100007Z-sha-mismatch----x.bin", "20260521T100007Z-sha-mismatch----x-2.bin",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	list, err := quarantined(s)
	if err != nil || len(list) != 2 || list[0].Bytes != 3 {
		t.Errorf("quarantine = %v, %v", list, err)
	}
}

// partialOf makes a partial download of 100 bytes and gives its hash.
func partialOf(t *testing.T, s *Store, name string, age time.Duration) string {
	t.Helper()
	sha := shaOf([]byte(name))
	if err := os.MkdirAll(s.partialDir(sha), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.partial(sha), make([]byte, 100), 0o644); err != nil {
		t.Fatal(err)
	}
	past := time.Now().Add(-age)
	for _, path := range []string{s.partial(sha), s.partialDir(sha)} {
		if err := os.Chtimes(path, past, past); err != nil {
			t.Fatal(err)
		}
	}
	return sha
}

func TestGCPartials(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "a[b]*c"), Options{}) // no character is special
	if got, err := s.GC(GCOptions{}); err != nil || len(got) != 0 {
		t.Errorf("GC of nothing = %v, %v", got, err)
	}
	if err := s.create(); err != nil {
		t.Fatal(err)
	}
	old := partialOf(t, s, "old", DefaultPartialAge+time.Hour)
	busy := partialOf(t, s, "busy", DefaultPartialAge+time.Hour)
	fresh := partialOf(t, s, "fresh", DefaultPartialAge-time.Hour)
	put(t, s, helloSHA, []byte(hello)) // content without a manifest is not garbage
	unlock, err := s.tryLock(s.blobLock(busy))
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()

	for _, dry := range []bool{true, false} {
		got, err := s.GC(GCOptions{DryRun: dry})
		if err != nil || len(got) != 1 || got[0].Path != s.partialDir(old) || got[0].Bytes != 100 {
			t.Errorf("GC (dry %v) = %+v, %v; want the old partial", dry, got, err)
		}
		if exists(s.partialDir(old)) != dry {
			t.Errorf("dry %v: old partial there: %v", dry, !dry)
		}
	}
	if !exists(s.partial(fresh)) || !exists(s.partial(busy)) {
		t.Error("a partial that is fresh or in use is gone")
	}
	if !exists(s.blob(helloSHA)) {
		t.Error("content without a manifest is gone")
	}
}

func TestGCQuarantine(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	bad := filepath.Join(s.root, "bad")
	if err := os.WriteFile(bad, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	kept, err := s.quarantine(bad, "sha-mismatch")
	if err != nil {
		t.Fatal(err)
	}
	f := func(age time.Duration, want bool) {
		t.Helper()
		if _, err := s.GC(GCOptions{QuarantineAge: age}); err != nil || exists(kept) != want {
			t.Errorf("age %v: %v, there: %v; want %v", age, err, exists(kept), want)
		}
	}
	f(0, true)
	f(time.Hour, true)
	f(-1, false)
}

// quarantined lists rejected files.
func quarantined(s *Store) ([]Garbage, error) { return s.filesIn(s.quarantineDir(), 0) }
