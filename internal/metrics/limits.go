package metrics

import "time"

const (
	// maxScrapers are connected at a time; more wait in the kernel's backlog.
	maxScrapers = 16

	// maxHeaderBytes bounds a request's head; there is never a body.
	maxHeaderBytes = 8 << 10

	readTimeout  = 5 * time.Second
	writeTimeout = 10 * time.Second
	idleTimeout  = 2 * time.Minute // longer than the usual scrape interval
)
