package main

import "time"

const (
	// startTimeout bounds a server's way from exec to its listening socket.
	startTimeout = 15 * time.Second
	// startPoll is how often that socket is tried; it bounds the error of the
	// start-up time from above.
	startPoll = 200 * time.Microsecond
	// stopTimeout is waited for a signalled server before it is killed.
	stopTimeout = 12 * time.Second

	// idleConns are held open for the memory of an idle connection.
	idleConns      = 8000
	idleConnsShort = 500

	// starvedRate in answers a second is far below what any of the servers does
	// with a core of its own; runs below it are made again, this often at most.
	starvedRate    = 2000
	starvedRetries = 5

	// starts is how often the start-up time is taken.
	starts = 15
)
