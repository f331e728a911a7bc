package load

import (
	"testing"
	"time"
)

func TestTreeTime(t *testing.T) {
	const s = time.Second
	tree := func(usage map[int]processUsage) processTree {
		all := processTree{pid: 1, usage: map[processID]processUsage{}}
		for pid, u := range usage {
			all.usage[processID{pid: pid}] = u
		}
		return all
	}
	f := func(before, after map[int]processUsage, want time.Duration) {
		t.Helper()
		if got := tree(after).since(tree(before)); got != want {
			t.Errorf("%v to %v: %v, want %v", before, after, got, want)
		}
	}
	type usage = map[int]processUsage
	f(usage{1: {own: s}}, usage{1: {own: 3 * s}}, 2*s)
	f(usage{1: {own: s}, 2: {own: 5 * s}}, usage{1: {own: s}, 2: {own: 6 * s}}, s)
	// A new child counts whole.
	f(usage{1: {own: s}}, usage{1: {own: s}, 2: {own: 4 * s}}, 4*s)
	// One that ended had used 5 s before and 2 s since.
	f(usage{1: {}, 2: {own: 5 * s}}, usage{1: {reaped: 7 * s}}, 2*s)
	// One that came and went shows only in its parent.
	f(usage{1: {reaped: s}}, usage{1: {reaped: 3 * s}}, 2*s)
	// One that ended and was not waited for takes nothing from the others.
	f(usage{1: {own: s}, 2: {own: 5 * s}}, usage{1: {own: 2 * s}}, s)
	if n := tree(usage{1: {}, 2: {}, 3: {}}).children(); n != 2 {
		t.Errorf("%d children, want 2", n)
	}
}
