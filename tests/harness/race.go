//go:build race

package harness

// Race says whether this test and so the binaries run under the race detector.
const Race = true
