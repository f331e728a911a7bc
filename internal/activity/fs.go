package activity

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// FS is what the log needs of a file system. Tests put one in that fails.
type FS interface {
	MkdirAll(dir string) error
	// OpenAppend opens name for appending, creating it for the owner alone.
	OpenAppend(name string) (File, error)
	Exists(name string) (bool, error)
	Rename(from, to string) error
	Remove(name string) error
}

// File is an open log file.
type File interface {
	io.Writer
	io.ReaderAt
	Size() (int64, error)
	Truncate(size int64) error
	Close() error
}

// diskFS is the real file system.
type diskFS struct{}

type diskFile struct{ *os.File }

func (f diskFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func (diskFS) MkdirAll(dir string) error { return os.MkdirAll(dir, dirMode) }

// OpenAppend follows no link and refuses what is not a regular file: opening a
// FIFO that somebody left at the path would block the writer for good.
func (diskFS) OpenAppend(name string) (File, error) {
	const flags = os.O_RDWR | os.O_APPEND | os.O_CREATE | syscall.O_NOFOLLOW | syscall.O_NONBLOCK
	f, err := os.OpenFile(name, flags, fileMode)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file: remove it or set another log directory", name)
	}
	if err == nil && info.Mode().Perm()&^fileMode != 0 {
		err = f.Chmod(fileMode) // made by an older version or a looser umask
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return diskFile{f}, nil
}

func (diskFS) Exists(name string) (bool, error) {
	_, err := os.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

func (diskFS) Rename(from, to string) error { return os.Rename(from, to) }

func (diskFS) Remove(name string) error { return os.Remove(name) }
