package llamacpp

import (
	"os"
	"path"
	"strings"
)

// cpuVariant looks among the files mapped into this process, for the libraries
// don't tell which of themselves they chose.
func cpuVariant() string {
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return ""
	}
	return variantIn(string(maps))
}

func variantIn(maps string) string {
	for line := range strings.Lines(maps) {
		at := strings.IndexByte(line, '/')
		if at < 0 {
			continue
		}
		name, ok := strings.CutPrefix(path.Base(strings.TrimSpace(line[at:])), "libggml-cpu-")
		if ok {
			name, _, _ = strings.Cut(name, ".")
			return name
		}
	}
	return ""
}
