package load

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// readProcessTree reads a process, which must be there, and its descendants,
// which may end while they are read and are left out then.
func readProcessTree(pid int) (processTree, error) {
	tree := processTree{pid: pid, usage: map[processID]processUsage{}}
	id, usage, err := readProcess(pid)
	if err != nil {
		return tree, fmt.Errorf("%w: %w", errNoServer, err)
	}
	tree.usage[id] = usage
	next := children(pid)
	for len(next) > 0 && len(tree.usage) < maxProcesses {
		child := next[0]
		next = next[1:]
		id, usage, err := readProcess(child)
		if _, known := tree.usage[id]; err != nil || known {
			continue
		}
		tree.usage[id] = usage
		next = append(next, children(child)...)
	}
	return tree, nil
}

// children lists what the threads of a process have started and not yet waited
// for. A kernel without CONFIG_PROC_CHILDREN shows none.
func children(pid int) []int {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	var all []int
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			continue // the thread has ended
		}
		for field := range strings.FieldsSeq(string(data)) {
			if child, err := strconv.Atoi(field); err == nil {
				all = append(all, child)
			}
		}
	}
	return all
}

// Fields of /proc/PID/stat behind the name, which may hold spaces; see
// proc_pid_stat(5), where they are counted from 3.
const (
	statChildUser   = 16 - 3
	statChildSystem = 17 - 3
	statStartTime   = 22 - 3
)

// clockTicks a second is what all times in /proc/PID/stat are counted in.
const clockTicks = 100

func readProcess(pid int) (processID, processUsage, error) {
	id := processID{pid: pid}
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return id, processUsage{}, err
	}
	fields := bytes.Fields(data[bytes.LastIndexByte(data, ')')+1:])
	if len(fields) <= statStartTime {
		return id, processUsage{}, fmt.Errorf("/proc/%d/stat is odd", pid)
	}
	ticks := func(field int) time.Duration {
		n, _ := strconv.ParseInt(string(fields[field]), 10, 64)
		return time.Duration(n) * (time.Second / clockTicks)
	}
	id.started = ticks(statStartTime)
	usage := processUsage{reaped: ticks(statChildUser) + ticks(statChildSystem)}
	if usage.own, err = processTime(pid); err != nil {
		return id, usage, err
	}
	usage.memory, err = processMemory(pid)
	return id, usage, err
}

// processTime is the processor time a process has used, exact to nanoseconds
// and including its ended threads: the clock that clock_getcpuclockid(3) names,
// which is made from the pid.
func processTime(pid int) (time.Duration, error) {
	const schedClock = 2
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(^pid)<<3|schedClock, &ts); err != nil {
		return 0, fmt.Errorf("processor time of pid %d: %w", pid, err)
	}
	return time.Duration(ts.Nano()), nil
}

// processMemory is a process's resident set in bytes.
func processMemory(pid int) (int64, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, err
	}
	fields := bytes.Fields(data)
	if len(fields) < 2 {
		return 0, fmt.Errorf("/proc/%d/statm is odd", pid)
	}
	pages, err := strconv.ParseInt(string(fields[1]), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("/proc/%d/statm is odd", pid)
	}
	return pages * int64(os.Getpagesize()), nil
}

// threadWaits is how long the calling thread has been ready to run without a
// processor, and how often it has got one: the second and third fields of
// schedstat. Zero where the kernel does not tell.
func threadWaits() waits {
	data, err := os.ReadFile("/proc/thread-self/schedstat")
	if err != nil {
		return waits{}
	}
	fields := bytes.Fields(data)
	if len(fields) < 3 {
		return waits{}
	}
	ns, _ := strconv.ParseInt(string(fields[1]), 10, 64)
	times, _ := strconv.ParseInt(string(fields[2]), 10, 64)
	return waits{time.Duration(ns), times}
}
