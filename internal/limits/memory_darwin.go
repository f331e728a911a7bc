package limits

import "golang.org/x/sys/unix"

// hostMemory gives the machine's memory.
func hostMemory() (bytes uint64, source string) {
	n, err := unix.SysctlUint64("hw.memsize")
	if err != nil {
		return 0, ""
	}
	return n, "hw.memsize"
}
