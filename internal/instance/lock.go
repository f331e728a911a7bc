package instance

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/gofrs/flock"
	"golang.org/x/sys/unix"

	"inferd/internal/rundir"
)

// ErrHeld is wrapped by the *[HeldError] of a lock that another process holds.
var ErrHeld = errors.New("lock is held")

// errForeign is why a file is not made the lock.
var errForeign = errors.New("is a file that no inferd wrote (refused)")

// HeldError says who holds the lock.
type HeldError struct {
	Path string
	PID  int // 0 if unknown
}

// Error names the holder.
func (e *HeldError) Error() string {
	pid := "pid unknown"
	if e.PID > 0 {
		pid = "pid " + strconv.Itoa(e.PID)
	}
	return fmt.Sprintf("another inferd already holds the lock at %s (%s)", e.Path, pid)
}

// Unwrap is ErrHeld.
func (e *HeldError) Unwrap() error { return ErrHeld }

// Lock is the held single-instance lock. The kernel drops it with the process,
// so a killed daemon leaves nothing to clean up; the file stays for good,
// because deleting it could let two daemons lock two files of one name.
type Lock struct {
	flock *flock.Flock
	path  string
}

// Acquire takes the lock at path without waiting and writes this process's id
// into the file. Missing parent directories are created, mode 0700. Only a
// regular file is locked, and no symbolic link is followed. A file with anything
// but a process id in it is somebody's: it is refused and left as it is.
func Acquire(path string) (*Lock, error) {
	if err := rundir.EnsureParent(path); err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	for range maxLockAttempts {
		l, err := tryAcquire(path)
		if l != nil || err != nil {
			return l, err
		}
	}
	return nil, fmt.Errorf("lock path keeps being replaced: %s", path)
}

// tryAcquire gives neither lock nor error if the file at path is no longer the
// one that was locked.
func tryAcquire(path string) (*Lock, error) {
	if err := checkLockPath(path); err != nil {
		return nil, err
	}
	f := newFlock(path)
	ok, err := f.TryLock()
	switch {
	case errors.Is(err, unix.ELOOP):
		return nil, fmt.Errorf("lock path is a symlink (refused): %s", path)
	case err != nil:
		return nil, fmt.Errorf("lock: %w", err)
	case !ok:
		return nil, &HeldError{Path: path, PID: holder(path)}
	}
	l := &Lock{flock: f, path: path}
	locked, err := f.Stat()
	if err == nil && !locked.Mode().IsRegular() {
		err = fmt.Errorf("lock path is not a regular file: %s", path)
	}
	if err != nil {
		return nil, errors.Join(err, f.Unlock())
	}
	if now, err := os.Lstat(path); err != nil || !os.SameFile(now, locked) {
		return nil, f.Unlock()
	}
	switch err := l.writePID(strconv.Itoa(os.Getpid()) + "\n"); {
	case errors.Is(err, errForeign):
		return nil, errors.Join(fmt.Errorf("lock path %w: %s", err, path), f.Unlock())
	case err != nil:
		return nil, errors.Join(fmt.Errorf("lock: write pid: %w", err), f.Unlock())
	}
	return l, nil
}

// newFlock opens nothing yet. What the file is may change between the look at
// it and the opening: no link is followed then either, and a fifo is not waited
// for.
func newFlock(path string) *flock.Flock {
	return flock.New(path, flock.SetPermissions(lockMode),
		flock.SetFlag(os.O_CREATE|os.O_RDWR|unix.O_NOFOLLOW|unix.O_NONBLOCK))
}

func checkLockPath(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("lock: %w", err)
	case info.Mode()&fs.ModeSymlink != 0:
		return fmt.Errorf("lock path is a symlink (refused): %s", path)
	case !info.Mode().IsRegular():
		return fmt.Errorf("lock path is not a regular file: %s", path)
	}
	return nil
}

// Path is where the lock lies.
func (l *Lock) Path() string { return l.path }

// Release gives the lock back. The file stays, empty.
func (l *Lock) Release() error {
	return errors.Join(l.writePID(""), l.flock.Unlock())
}

// writePID replaces the file's content, if that is a daemon's. The file is opened
// a second time, for flock keeps its own descriptor to itself; closing this one
// does not drop a flock(2) lock.
func (l *Lock) writePID(text string) error {
	f, err := os.OpenFile(l.path, os.O_RDWR|unix.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	ours, err := l.flock.Stat()
	if err != nil {
		return err
	}
	if opened, err := f.Stat(); err != nil || !os.SameFile(opened, ours) {
		return errors.Join(errors.New("the file was replaced"), err)
	}
	switch now, err := io.ReadAll(io.LimitReader(f, maxPIDBytes+1)); {
	case err != nil:
		return err
	case !daemonWrote(now):
		return errForeign
	}
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err = f.WriteAt([]byte(text), 0)
	return err
}

// daemonWrote tells the content of a lock file from that of any other. Zeros are
// what a power failure can leave of a process id.
func daemonWrote(content []byte) bool {
	return len(content) <= maxPIDBytes &&
		len(bytes.Trim(content, "0123456789\n\x00")) == 0
}

// holder reads the process id out of a held lock file. It is for a message
// only: the holder may be gone by now, or about to write its id.
func holder(path string) int {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return 0
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxPIDBytes))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || pid <= 0 || errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return 0
	}
	return pid
}
