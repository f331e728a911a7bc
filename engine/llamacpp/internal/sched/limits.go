package sched

import "time"

const (
	// maxWaiting bounds the jobs without a slot. The daemon admits no more
	// requests than there are slots; this is for callers that do not.
	maxWaiting = 1024
	// stepTarget is how long a step may take for prompt slices while others
	// generate: the pause between two of their tokens, unless the model is too
	// slow for a good slice in that time.
	stepTarget = 50 * time.Millisecond
	// loneStepTarget is the same while nobody generates: long enough to read a
	// prompt efficiently, short enough for cancellation and the watchdog.
	loneStepTarget = 5 * time.Second
	// minSlice is the least prompt tokens a step takes, however slow the model.
	minSlice = 32
	// goodSlice is what a step takes rather than less, if it then lasts no longer
	// than goodSliceTime. Each step reads all weights once more for its prompt
	// tokens, and libggml's attention is several times slower for fewer than 64
	// tokens of a sequence (one of a slice is computed with the generating ones).
	goodSlice     = 80
	goodSliceTime = 500 * time.Millisecond
	// firstSlice is used until the first steps have been timed.
	firstSlice = 64
	// minTimed: the cost of smaller steps says little about a prompt token's.
	minTimed = 16
	// longStep: a step expected to take longer is aborted when one of its
	// sequences is cancelled; a shorter one is over sooner than it is redone.
	longStep = 100 * time.Millisecond
	// maxFailedSteps in a row end Run: the native state is beyond repair.
	maxFailedSteps = 3
)
