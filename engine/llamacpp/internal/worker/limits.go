package worker

import "time"

const (
	// maxRequestFrame bounds a frame to the worker: a wire line of the protocol
	// plus what surrounds it.
	maxRequestFrame = 80 << 20
	// maxEventFrame bounds a frame from the worker: 256 sequences' pieces and
	// last events are far below.
	maxEventFrame = 16 << 20
	// writeDeadline is how long the worker may leave a request unread.
	writeDeadline = 10 * time.Second
	// stableAfter: a worker that lived this long starts the back-off anew.
	stableAfter = time.Minute
	// firstBackOff and maxBackOff bound the pause before a restart.
	firstBackOff = 200 * time.Millisecond
	maxBackOff   = 30 * time.Second
	// maxOutputLines a worker may write to standard error are looked at; a
	// crashing runtime can write thousands.
	maxOutputLines = 200
	// maxOutputLineBytes cuts each.
	maxOutputLineBytes = 300
	// timerSlack is how late a timer in the worker may be; see withLazyTimers.
	timerSlack = 200 * time.Microsecond
	// frameBuffer is the size of the socket readers' buffers.
	frameBuffer = 64 << 10
)

// DefaultHang and DefaultSilence are the watchdog's limits, see Config.
const (
	DefaultHang    = 2 * time.Minute
	DefaultSilence = 15 * time.Second
	DefaultLoad    = 10 * time.Minute
)
