package limits

import (
	"bytes"
	"io/fs"
	"math"
	"os"
	"path"
	"strconv"
	"strings"
)

// hostMemory gives the least of what the machine has and what the control
// groups of this process allow.
func hostMemory() (bytes uint64, source string) { return memoryIn(os.DirFS("/")) }

// memoryIn is hostMemory below the root of a file system.
func memoryIn(root fs.FS) (memory uint64, source string) {
	least := func(n uint64, from string) {
		if n > 0 && (memory == 0 || n < memory) {
			memory, source = n, from
		}
	}
	least(memTotal(root), "/proc/meminfo")
	for _, group := range cgroups(root) {
		// A limit of any group above holds too.
		for dir := group.dir; ; dir = path.Dir(dir) {
			for _, file := range group.files {
				name := path.Join(group.mount, dir, file)
				least(cgroupLimit(root, name), "/"+name)
			}
			if dir == "/" || dir == "." {
				break
			}
		}
	}
	return memory, source
}

// cgroup is one control group of this process that may limit memory.
type cgroup struct {
	mount string // below the root, without a leading slash
	dir   string // within the mount, absolute
	files []string
}

// cgroups reads /proc/self/cgroup: lines of number:controllers:path. Version 2
// has number 0 and no controllers.
func cgroups(root fs.FS) []cgroup {
	text, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return nil
	}
	var list []cgroup
	for line := range strings.Lines(string(text)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		dir := path.Clean("/" + parts[2])
		switch {
		case parts[1] == "":
			// memory.high does not kill but throttles to a crawl.
			list = append(list, cgroup{"sys/fs/cgroup", dir, []string{"memory.max", "memory.high"}})
		case strings.Contains(","+parts[1]+",", ",memory,"):
			list = append(list,
				cgroup{"sys/fs/cgroup/memory", dir, []string{"memory.limit_in_bytes"}})
		}
	}
	return list
}

// cgroupLimit reads a limit in bytes; 0 is none. Version 1 writes "no limit" as
// a number beyond all memory.
func cgroupLimit(root fs.FS, name string) uint64 {
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return 0
	}
	n, err := strconv.ParseUint(string(bytes.TrimSpace(text)), 10, 64)
	if err != nil || n >= math.MaxInt64/2 {
		return 0
	}
	return n
}

// memTotal reads the machine's memory; 0 if it is not told.
func memTotal(root fs.FS) uint64 {
	text, err := fs.ReadFile(root, "proc/meminfo")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		rest, ok := strings.CutPrefix(line, "MemTotal:")
		if !ok {
			continue
		}
		fields := strings.Fields(rest)
		if len(fields) != 2 || fields[1] != "kB" {
			return 0
		}
		n, err := strconv.ParseUint(fields[0], 10, 44)
		if err != nil {
			return 0
		}
		return n * kib
	}
	return 0
}
