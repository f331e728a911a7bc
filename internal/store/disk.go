package store

import (
	"fmt"
	"io"
	"os"
	"syscall"
)

// partialFile is the file that a download grows in. Tests put one in its place
// whose disk is full.
type partialFile interface {
	io.ReadWriteSeeker
	Truncate(size int64) error
	Sync() error
	Close() error
}

func openPartial(path string) (partialFile, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE, fileMode)
}

// freeBytes is what an ordinary user may still write on the disk of dir.
func freeBytes(dir string) (uint64, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return uint64(st.Bavail) * uint64(st.Bsize), nil
}

// wantSpace refuses to begin, or to go on, what the disk can't hold. A disk
// whose free space is not told is tried.
func (s *Store) wantSpace(need int64) error {
	free, err := s.freeBytes(s.root)
	if err != nil {
		s.opt.Log.Warn("free disk space is not known", "dir", s.root, "error", err)
		return nil
	}
	if need = max(need, 0); free < uint64(need)+reserveBytes {
		return fmt.Errorf("%w in %s: need %d MiB, free are %d MiB: "+
			"free some, or set models_home to another disk",
			ErrNoSpace, s.root, (uint64(need)+reserveBytes)>>20, free>>20)
	}
	return nil
}
