package load

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// processTime is the processor time a process has used, exact to nanoseconds
// and including its ended threads: the clock that clock_getcpuclockid(3) names,
// which is made from the pid.
func processTime(pid int) (time.Duration, error) {
	const schedClock = 2
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(^pid)<<3|schedClock, &ts); err != nil {
		return 0, fmt.Errorf("%w: processor time of pid %d: %w", errNoServer, pid, err)
	}
	return time.Duration(ts.Nano()), nil
}

// processMemory is a process's resident set in bytes.
func processMemory(pid int) (int64, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, fmt.Errorf("%w: %w", errNoServer, err)
	}
	fields := bytes.Fields(data)
	if len(fields) < 2 {
		return 0, fmt.Errorf("%w: /proc/%d/statm is odd", errNoServer, pid)
	}
	pages, err := strconv.ParseInt(string(fields[1]), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%w: /proc/%d/statm is odd", errNoServer, pid)
	}
	return pages * int64(os.Getpagesize()), nil
}
