package daemon

import "time"

const (
	// maxLibraryLine bounds, in bytes, what is logged of a line that a library writes.
	maxLibraryLine = 512

	// readyPoll is how often backends are asked whether they are ready.
	readyPoll = 20 * time.Millisecond

	// bootGCPercent is GOGC during the boot, servingGCPercent after it, see
	// paceCollector. docs/design.md has the numbers.
	bootGCPercent    = 400
	servingGCPercent = 33

	// flushTimeout is how long, after the drain, engines may take to stop what was
	// cut, once more after they were stopped themselves, and clients to read what is
	// left for them. With the stopTimeouts the longest end is 15 s after the drain.
	flushTimeout = time.Second

	// lastAskTime is what a client of a passed socket, who was taken in at the last
	// moment, has for its request.
	lastAskTime = 20 * time.Millisecond

	// stopTimeout bounds the end of workers and engines after a cut.
	stopTimeout = 2 * time.Second

	// abandonTimeout bounds the whole end of a daemon with an event loop that stands
	// still, engines and log aside.
	abandonTimeout = 3 * time.Second

	// aliveEvery and aliveMisses: an event loop that has not turned for their
	// product is a fatal failure; a service manager does better with a restart.
	aliveEvery  = 5 * time.Second
	aliveMisses = 12

	// refusePause is how long no connection to a socket that is not served is closed
	// after accepting one has failed.
	refusePause = 100 * time.Millisecond

	// closedKept is how many closed connections are remembered for operators.
	closedKept = 64

	// builtinPermits is how many requests the built-in model runs at once
	// unless told otherwise: it is small enough for any machine.
	builtinPermits = 8
)
