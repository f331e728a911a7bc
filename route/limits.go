package route

import "time"

const (
	// maxEntries bounds a router; one bit each in Pick's set of candidates.
	maxEntries = 64
	// maxWeight bounds one entry's weight, so that sums stay far from overflow.
	maxWeight = 1000
	// maxThreshold bounds Policy.Failures: a breaker keeps that many timestamps.
	maxThreshold = 1000

	defaultFailures = 3
	defaultWindow   = 60 * time.Second
	defaultCooldown = 30 * time.Second
)
