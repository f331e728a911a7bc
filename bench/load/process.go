package load

import "time"

// waits is what a thread has waited for a processor.
type waits struct {
	sum   time.Duration
	times int64 // that it got one
}

// since is what was waited after before.
func (w waits) since(before waits) waits {
	return waits{max(0, w.sum-before.sum), max(0, w.times-before.times)}
}

// mean is the wait for a processor each time it was needed.
func (w waits) mean() time.Duration { return w.sum / time.Duration(max(1, w.times)) }

// processTree is what the server's process and its descendants have used at one
// moment.
type processTree struct {
	pid   int
	usage map[processID]processUsage
}

// processID tells a process from a later one with the same pid.
type processID struct {
	pid     int
	started time.Duration // since boot
}

// processUsage is one process's share.
type processUsage struct {
	own    time.Duration // processor time of its threads
	reaped time.Duration // and of the children that it has waited for
	memory int64         // resident bytes
}

// children is the number of processes without the server's own.
func (t processTree) children() int { return max(0, len(t.usage)-1) }

// memory is the resident size of all processes in bytes; pages that they share
// count in each.
func (t processTree) memory() int64 {
	var sum int64
	for _, u := range t.usage {
		sum += u.memory
	}
	return sum
}

// since is the processor time used since before. A process that is new counts
// whole. One that ended counts with what its parent has taken over, less what it
// had used before; that is known to a few clock ticks only, and is never
// negative.
func (t processTree) since(before processTree) time.Duration {
	var living, ended time.Duration
	for id, now := range t.usage {
		then := before.usage[id] // zero if new
		living += now.own - then.own
		ended += now.reaped - then.reaped
	}
	for id, then := range before.usage {
		if _, lives := t.usage[id]; !lives {
			ended -= then.own + then.reaped
		}
	}
	return max(0, living) + max(0, ended)
}
