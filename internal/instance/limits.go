package instance

import (
	"io/fs"
	"time"
)

const (
	// lockMode and the modes given to [ListenUnix] are those of the files.
	lockMode fs.FileMode = 0o600

	// maxLockAttempts bounds the tries when somebody replaces the lock file
	// between opening and locking it.
	maxLockAttempts = 8

	// maxPIDBytes is read of a lock file: a process id and a newline.
	maxPIDBytes = 32

	// probeTimeout bounds the connect that tells a live socket from a stale one.
	// A daemon that is too busy to accept for this long is alive.
	probeTimeout = time.Second
)
