package harness

import "time"

const (
	// opTimeout bounds one read or write of a client. It only has to end a
	// hanging test: the machine may be busy.
	opTimeout = 30 * time.Second

	// startTimeout bounds a daemon's way to ready.
	startTimeout = 60 * time.Second

	// exitTimeout bounds a daemon's end after a signal.
	exitTimeout = 30 * time.Second

	// pollEvery is the pause between two looks at a file that somebody else
	// writes.
	pollEvery = 5 * time.Millisecond

	// readBufferBytes is a client's read buffer.
	readBufferBytes = 64 << 10
)
