package activity

import "time"

const (
	// DefaultBufferBytes holds about 4,000 lines between producers and disk.
	DefaultBufferBytes = 1 << 20

	// DefaultFileBytes is the size that the current file does not pass.
	DefaultFileBytes = 16 << 20

	// DefaultKeepFiles is the number of rotated files kept, .1 the newest.
	DefaultKeepFiles = 3

	// minBufferBytes leaves room for a few lines of the largest size.
	minBufferBytes = 64 << 10

	// stderrBufferBytes holds lines for a stderr that is slow to read.
	stderrBufferBytes = 256 << 10

	// maxLineBytes is the longest line of any kind, its newline included. A
	// typed event has at most five strings of maxStringBytes, each byte of
	// which may grow to the six of \u001f, and 512 bytes besides.
	maxLineBytes = 5*6*maxStringBytes + 512

	// maxStringBytes cuts ids, peers and reasons in typed events.
	maxStringBytes = 256

	// maxMessageBytes cuts the message of an slog record, and maxValueBytes each
	// of its attributes before they share what room the line has.
	maxMessageBytes = 1 << 10
	maxValueBytes   = 4 << 10

	// floodLinesPerSecond is how many lines of one kind of client-caused event
	// are written in any one second.
	floodLinesPerSecond = 1000

	// batchDelay is how long the file writer collects lines after the first.
	batchDelay = 20 * time.Millisecond

	// wallSync is how long a reading of the wall clock is counted on from.
	wallSync = time.Second

	// retryDelay is the pause after a failed write.
	retryDelay = time.Second

	dirMode  = 0o700
	fileMode = 0o600
	fileName = "inferd.ndjson"
)
