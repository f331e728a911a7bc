package store

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/gofrs/flock"
	"golang.org/x/sys/unix"
)

// lock waits until the lock at path is free or ctx ends; waiting is called once
// if it is not free at first.
func (s *Store) lock(ctx context.Context, path string, waiting func()) (func(), error) {
	unlock, err := s.tryLock(path)
	if err == nil || !errors.Is(err, ErrBusy) {
		return unlock, err
	}
	waiting()
	f := newFlock(path)
	if _, err := f.TryLockContext(ctx, lockPoll); err != nil {
		return nil, fmt.Errorf("wait for the lock %s: %w", path, err)
	}
	return func() { _ = f.Unlock() }, nil
}

// tryLock gives ErrBusy at once if another process has the lock.
func (s *Store) tryLock(path string) (func(), error) {
	f := newFlock(path)
	ok, err := f.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	if !ok {
		return nil, ErrBusy
	}
	return func() { _ = f.Unlock() }, nil
}

func newFlock(path string) *flock.Flock {
	return flock.New(path, flock.SetPermissions(fileMode),
		flock.SetFlag(os.O_CREATE|os.O_RDWR|unix.O_NOFOLLOW|unix.O_NONBLOCK))
}
