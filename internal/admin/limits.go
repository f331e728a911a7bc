package admin

import "time"

const (
	// maxClients are connected at a time; a surplus one is closed at once.
	maxClients = 64

	// maxLagFrames wait for a client; one that lags more is disconnected and
	// gets a fresh snapshot when it comes back.
	maxLagFrames = 256

	// maxCommandBytes is the longest command line, without its newline.
	maxCommandBytes = 64 << 10

	// maxTextBytes cuts names and ids in reply frames, maxErrorBytes errors: that
	// of a reload lists every mistake of a config file.
	maxTextBytes  = 256
	maxErrorBytes = 4 << 10

	// writeTimeout is how long one frame may take to be taken by the kernel.
	writeTimeout = 10 * time.Second

	// closeTimeout is how long clients get for their last frames at the end.
	closeTimeout = 2 * time.Second

	// hangUpPoll is how often a client that half-closed is asked whether it is
	// still there; nothing else tells.
	hangUpPoll = time.Second

	// Back-off of the accept loop when descriptors or memory run out.
	minAcceptBackoff = 5 * time.Millisecond
	maxAcceptBackoff = time.Second
)
