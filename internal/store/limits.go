package store

import "time"

// Disk.
const (
	// reserveBytes stay free on the disk after a download: a full disk hurts
	// every other program too.
	reserveBytes = 128 << 20
	// spaceEvery is how many bytes of a download of unknown size pass between
	// two looks at the free space.
	spaceEvery = 64 << 20

	maxManifestBytes = 1 << 20
	maxModels        = 10_000 // manifests that are listed
	copyBufferBytes  = 1 << 20
)

// Network. [Options] can shorten the first group for tests and impatient people.
const (
	defaultConnectTimeout = 30 * time.Second
	defaultStallTimeout   = 60 * time.Second // no byte for this long
	defaultRetryDelay     = 500 * time.Millisecond

	maxRetryDelay = 30 * time.Second
	maxRetryAfter = 5 * time.Minute // of a server's Retry-After
	// maxFruitless bounds the tries in a row that bring no byte. There may be any number
	// of those that bring some: a bad line breaks off every minute of a day's download.
	maxFruitless = 6
	maxRedirects = 10
)

// Progress: an event at the start, then at each step of either kind, and one
// at the end.
const (
	progressBytes = 32 << 20
	progressEvery = 5 * time.Second
)

// lockPoll is the pause between two looks at a lock that another process holds.
// flock(2) can't wait with a time limit.
const lockPoll = 200 * time.Millisecond

// DefaultPartialAge is how long a partial download may lie untouched before
// [Store.GC] removes it.
const DefaultPartialAge = 7 * 24 * time.Hour
