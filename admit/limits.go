package admit

import "time"

const (
	// maxCapacity is the largest number of requests a gate admits: far beyond any
	// machine, and the counter shares its word with the closed mark.
	maxCapacity = 1 << 30

	// minRetryAfter and maxRetryAfter bound what RetryAfter suggests.
	minRetryAfter = time.Millisecond
	maxRetryAfter = time.Minute
	// unknownRetryAfter is suggested until the first request has been served.
	unknownRetryAfter = 100 * time.Millisecond

	// serviceWeight is the share, 1/n, of the newest sample in the running mean
	// of service times: eight requests remember long enough to be steady and
	// forget fast enough to follow a change of load.
	serviceWeight = 8
)
