package limits

import (
	"math"
	"runtime/debug"
	"syscall"
)

// Probe raises the descriptor limit as far as it goes and looks at the host.
// What can't be found out stays zero.
func Probe() Host {
	memory, source := hostMemory()
	if limit := debug.SetMemoryLimit(-1); limit != math.MaxInt64 &&
		(memory == 0 || uint64(limit) < memory) {
		memory, source = uint64(limit), "GOMEMLIMIT"
	}
	return Host{FDs: Raise(), Memory: memory, MemorySource: source}
}

// Raise lifts the soft limit of open descriptors to the hard one and returns
// what is in force, 0 if that can't be known. Go's runtime does the same at
// start on most systems; asking again costs nothing.
func Raise() uint64 {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0
	}
	if limit.Cur >= limit.Max {
		return limit.Cur
	}
	raised := limit
	raised.Cur = raised.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &raised); err != nil {
		return limit.Cur
	}
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0
	}
	return limit.Cur
}
