package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Garbage is something that was, or can be, removed.
type Garbage struct {
	Path     string
	Bytes    int64
	Modified time.Time
}

// GCOptions say how old garbage must be, counted from its last change. A
// negative age takes all there is; of quarantined files 0 takes none.
type GCOptions struct {
	PartialAge    time.Duration // 0 is DefaultPartialAge
	QuarantineAge time.Duration
	DryRun        bool
}

// GC removes partial downloads that nobody is working on, and rejected files.
// Content without a manifest stays: other tools keep theirs in the same store.
func (s *Store) GC(o GCOptions) ([]Garbage, error) {
	if o.PartialAge == 0 {
		o.PartialAge = DefaultPartialAge
	}
	var removed []Garbage
	partials, err := s.stalePartials(o.PartialAge)
	if err != nil {
		return nil, err
	}
	for _, g := range partials {
		ok, err := s.removePartial(g, o)
		if err != nil {
			return removed, err
		}
		if ok {
			removed = append(removed, g)
		}
	}
	if o.QuarantineAge == 0 {
		return removed, nil
	}
	rejected, err := s.filesIn(s.quarantineDir(), o.QuarantineAge)
	if err != nil {
		return removed, err
	}
	for _, g := range rejected {
		if !o.DryRun {
			if err := os.Remove(g.Path); err != nil {
				return removed, err
			}
		}
		removed = append(removed, g)
	}
	return removed, nil
}

// removePartial skips a download that is going on: its process has the lock.
func (s *Store) removePartial(g Garbage, o GCOptions) (bool, error) {
	sha := strings.TrimPrefix(filepath.Base(g.Path), partialPrefix)
	if err := s.create(); err != nil {
		return false, err
	}
	unlock, err := s.tryLock(s.blobLock(sha))
	if errors.Is(err, ErrBusy) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer unlock()
	if !s.oldEnough(newest(g.Path), o.PartialAge) {
		return false, nil // somebody has just worked on it
	}
	if o.DryRun {
		return true, nil
	}
	return true, os.RemoveAll(g.Path)
}

func (s *Store) stalePartials(age time.Duration) ([]Garbage, error) {
	dirs, err := filepath.Glob(filepath.Join(escapeGlob(s.blobsDir()), "??", partialPrefix+"*"))
	if err != nil {
		return nil, err
	}
	var list []Garbage
	for _, dir := range dirs {
		if !isSHA256(strings.TrimPrefix(filepath.Base(dir), partialPrefix)) {
			continue
		}
		g := Garbage{Path: dir, Modified: newest(dir)}
		files, err := s.filesIn(dir, -1)
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			g.Bytes += f.Bytes
		}
		if s.oldEnough(g.Modified, age) {
			list = append(list, g)
		}
	}
	return list, nil
}

// escapeGlob takes the special meaning from a literal path.
func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// newest is the time of the last change in a directory, or of it.
func newest(dir string) time.Time {
	var last time.Time
	look := func(path string) {
		if info, err := os.Lstat(path); err == nil && info.ModTime().After(last) {
			last = info.ModTime()
		}
	}
	look(dir)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return last
	}
	for _, e := range entries {
		look(filepath.Join(dir, e.Name()))
	}
	return last
}

func (s *Store) oldEnough(modified time.Time, age time.Duration) bool {
	return age <= 0 || s.now().Sub(modified) >= age
}

// filesIn lists the regular files of a directory that are old enough; 0 and
// less is any age.
func (s *Store) filesIn(dir string, age time.Duration) ([]Garbage, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("model store: %w", err)
	}
	var list []Garbage
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() || !s.oldEnough(info.ModTime(), age) {
			continue
		}
		list = append(list, Garbage{filepath.Join(dir, e.Name()), info.Size(), info.ModTime()})
	}
	return list, nil
}
