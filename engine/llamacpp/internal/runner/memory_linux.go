package runner

import (
	"bytes"
	"os"
	"strconv"
)

// availableMemory is what the kernel says could be had without swapping.
func availableMemory() (int64, error) {
	b, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(b) {
		if rest, ok := bytes.CutPrefix(line, []byte("MemAvailable:")); ok {
			fields := bytes.Fields(rest)
			if len(fields) == 0 {
				break
			}
			kib, err := strconv.ParseInt(string(fields[0]), 10, 64)
			return kib << 10, err
		}
	}
	return 0, errUnknownMemory
}
