package activity

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// contents maps file names in dir to what they hold.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	m := map[string]string{}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		m[strings.TrimPrefix(e.Name(), fileName)] = string(b)
	}
	return m
}

func mustWrite(t *testing.T, o *fileOutput, lines string) {
	t.Helper()
	if n, err := o.write([]byte(lines)); err != nil || n != len(lines) {
		t.Fatalf("write(%q) = %d, %v", lines, n, err)
	}
}

func newFileOutput(t *testing.T, maxBytes int64, keep int) (*fileOutput, *faultFS) {
	t.Helper()
	fs := &faultFS{}
	o := &fileOutput{fs: fs, dir: filepath.Join(t.TempDir(), "logs"), maxBytes: maxBytes, keep: keep}
	t.Cleanup(func() { _ = o.close() })
	return o, fs
}

func TestRotation(t *testing.T) {
	f := func(maxBytes int64, keep int, batches []string, want map[string]string) {
		t.Helper()
		o, _ := newFileOutput(t, maxBytes, keep)
		for _, b := range batches {
			mustWrite(t, o, b)
		}
		if diff := cmp.Diff(want, contents(t, o.dir)); diff != "" {
			t.Errorf("max %d, keep %d, %q: (-want +got)\n%s", maxBytes, keep, batches, diff)
		}
	}
	// Exactly full is not over.
	f(4, 3, []string{"a\n", "b\n"}, map[string]string{"": "a\nb\n"})
	f(4, 3, []string{"a\n", "b\n", "c\n"}, map[string]string{"": "c\n", ".1": "a\nb\n"})
	// A batch is cut between lines, never inside one.
	f(5, 3, []string{"aa\nbb\ncc\n"}, map[string]string{"": "cc\n", ".1": "bb\n", ".2": "aa\n"})
	// A line larger than a file gets its own, and an empty file is not rotated.
	f(3, 3, []string{"longer\n", "b\n"}, map[string]string{"": "b\n", ".1": "longer\n"})
	// Five rotations keep three generations, the newest first.
	f(
		2, 3,
		[]string{"1\n", "2\n", "3\n", "4\n", "5\n", "6\n"},
		map[string]string{"": "6\n", ".1": "5\n", ".2": "4\n", ".3": "3\n"},
	)
	f(2, 1, []string{"1\n", "2\n", "3\n"}, map[string]string{"": "3\n", ".1": "2\n"})
	f(2, 0, []string{"1\n", "2\n", "3\n"}, map[string]string{"": "3\n"})
}

func TestFileIsAppendedToAcrossRestarts(t *testing.T) {
	f := func(existing string, want map[string]string) {
		t.Helper()
		o, _ := newFileOutput(t, 12, 3)
		if err := os.MkdirAll(o.dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(o.path(), []byte(existing), 0o644); err != nil {
			t.Fatal(err)
		}
		mustWrite(t, o, "new\n")
		if diff := cmp.Diff(want, contents(t, o.dir)); diff != "" {
			t.Errorf("existing %q: (-want +got)\n%s", existing, diff)
		}
	}
	f("old\n", map[string]string{"": "old\nnew\n"})
	f("12345678\n", map[string]string{"": "new\n", ".1": "12345678\n"}) // its size counts
	f("torn", map[string]string{"": "torn\nnew\n"})                     // ended first
}

func TestFileModes(t *testing.T) {
	o, _ := newFileOutput(t, 100, 3)
	mustWrite(t, o, "a\n")
	mode := func(path string) os.FileMode {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Mode().Perm()
	}
	if got := mode(o.dir); got != 0o700 {
		t.Errorf("directory mode %o, want 700", got)
	}
	if got := mode(o.path()); got != 0o600 {
		t.Errorf("file mode %o, want 600", got)
	}
	// A file that a looser umask made is tightened.
	if err := o.close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(o.path(), 0o644); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, o, "b\n")
	if got := mode(o.path()); got != 0o600 {
		t.Errorf("existing file's mode %o, want 600", got)
	}
}

func TestOpenRefusesWhatIsNotALogFile(t *testing.T) {
	f := func(name string, make func(path string) error, want error) {
		t.Helper()
		o, _ := newFileOutput(t, 100, 3)
		if err := os.MkdirAll(o.dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := make(o.path()); err != nil {
			t.Fatal(err)
		}
		_, err := o.write([]byte("a\n"))
		if err == nil || want != nil && !errors.Is(err, want) {
			t.Errorf("%s: error %v, want %v", name, err, want)
		}
	}
	f("symlink", func(p string) error { return os.Symlink(p+".target", p) }, syscall.ELOOP)
	f("directory", func(p string) error { return os.Mkdir(p, 0o700) }, syscall.EISDIR)
	f("fifo", func(p string) error { return syscall.Mkfifo(p, 0o600) }, nil)
}

// TestWriteErrors lets one operation fail, then heals the disk: no line may be
// torn, lost or doubled.
func TestWriteErrors(t *testing.T) {
	f := func(op string, short int, fault error) {
		t.Helper()
		o, fs := newFileOutput(t, 8, 3)
		mustWrite(t, o, "one\n")
		fs.short = short
		fs.set(func(got, _ string) error {
			if got == op {
				return fault
			}
			return nil
		})
		rest := []byte("two\nthree\nfour\n")
		for range 3 { // fails again while the disk does
			n, err := o.write(rest)
			if !errors.Is(err, fault) {
				t.Fatalf("%s: error %v, want %v", op, err, fault)
			}
			rest = rest[n:]
		}
		fs.set(nil)
		mustWrite(t, o, string(rest))
		all := contents(t, o.dir)
		got := all[".3"] + all[".2"] + all[".1"] + all[""]
		if want := "one\ntwo\nthree\nfour\n"; got != want {
			t.Errorf("%s failing with %v: files hold %q, want %q", op, fault, got, want)
		}
	}
	f("write", 0, syscall.ENOSPC)
	f("write", 2, syscall.ENOSPC) // inside a line
	f("write", 4, syscall.EIO)    // after a line
	f("rename", 0, syscall.EACCES)
}

// TestFailingRenameLosesNoGeneration: a rotation that fails half way and is
// tried many times must not push old generations out.
func TestFailingRenameLosesNoGeneration(t *testing.T) {
	o, fs := newFileOutput(t, 2, 3)
	for _, l := range []string{"1\n", "2\n", "3\n"} {
		mustWrite(t, o, l)
	}
	fs.set(func(op, name string) error {
		if op == "rename" && name == o.path() {
			return syscall.EBUSY
		}
		return nil
	})
	for range 5 {
		if _, err := o.write([]byte("4\n")); !errors.Is(err, syscall.EBUSY) {
			t.Fatalf("error %v, want EBUSY", err)
		}
	}
	fs.set(nil)
	mustWrite(t, o, "4\n")
	want := map[string]string{"": "4\n", ".1": "3\n", ".2": "2\n", ".3": "1\n"}
	if diff := cmp.Diff(want, contents(t, o.dir)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestEmptiedMeanwhile: who empties the file to free the disk does not find it full of
// NUL bytes after the next write that fails.
func TestEmptiedMeanwhile(t *testing.T) {
	o, fs := newFileOutput(t, 1000, 3)
	mustWrite(t, o, strings.Repeat("a line\n", 50))
	if err := os.Truncate(o.path(), 0); err != nil {
		t.Fatal(err)
	}
	fs.set(func(string, string) error { return syscall.ENOSPC })
	if _, err := o.write([]byte("lost\n")); err == nil {
		t.Fatal("no error of a full disk")
	}
	fs.set(nil)
	mustWrite(t, o, "after\n")
	if got := contents(t, o.dir)[""]; got != "after\n" {
		t.Errorf("the file holds %q", got)
	}
}

// TestFewerGenerations: what was kept when there were more goes.
func TestFewerGenerations(t *testing.T) {
	o, _ := newFileOutput(t, 2, 5)
	for _, line := range []string{"1\n", "2\n", "3\n", "4\n", "5\n", "6\n"} {
		mustWrite(t, o, line)
	}
	if err := o.close(); err != nil {
		t.Fatal(err)
	}
	fewer := &fileOutput{fs: o.fs, dir: o.dir, maxBytes: 2, keep: 2}
	mustWrite(t, fewer, "7\n")
	t.Cleanup(func() { _ = fewer.close() })
	want := map[string]string{"": "7\n", ".1": "6\n", ".2": "5\n"}
	if diff := cmp.Diff(want, contents(t, o.dir)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
