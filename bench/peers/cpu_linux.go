package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// clockTick is the unit of /proc/PID/stat: USER_HZ is 100 on every Linux that
// Go runs on.
const clockTick = time.Second / 100

// treeCPU is the CPU time that a process and its living descendants have used.
func treeCPU(root int) time.Duration {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is good
	parent := make(map[int]int, len(stats))
	used := make(map[int]time.Duration, len(stats))
	for _, path := range stats {
		data, err := os.ReadFile(path)
		if err != nil {
			continue // ended meanwhile
		}
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		// The name in the second field may hold anything, also parentheses.
		fields := bytes.Fields(data[bytes.LastIndexByte(data, ')')+1:])
		if len(fields) < 13 {
			continue
		}
		number := func(i int) int {
			n, _ := strconv.Atoi(string(fields[i]))
			return n
		}
		parent[pid] = number(1)
		used[pid] = time.Duration(number(11)+number(12)) * clockTick // utime, stime
	}
	total := time.Duration(0)
	for pid := range used {
		for p := pid; p > 1; p = parent[p] {
			if p == root {
				total += used[pid]
				break
			}
		}
	}
	return total
}
