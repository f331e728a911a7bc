package client

import (
	"time"

	"inferd/codec"
)

const (
	// maxLineBytes caps one line in either direction, without its newline. A
	// response line may be exactly this long, a request line must be shorter.
	maxLineBytes = codec.MaxLine

	// readBufferBytes is the first chunk a connection reads with; longer lines
	// grow a buffer of their own.
	readBufferBytes = 16 << 10

	// keepBufferBytes is the largest line buffer kept for the next line.
	keepBufferBytes = 1 << 20

	// firstRetryDelay and maxRetryDelay bound the doubling wait between dials.
	firstRetryDelay = 100 * time.Millisecond
	maxRetryDelay   = 5 * time.Second
)
