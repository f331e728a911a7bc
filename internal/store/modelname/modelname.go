package modelname

import (
	"fmt"
	"strings"
)

// MaxBytes is the length of the longest name.
const MaxBytes = 128

// Check refuses every name but 1 to 128 of A-Z a-z 0-9 . - _ without a leading
// dot and without "..". Names of devices on Windows are refused too: a store
// may lie on a shared disk.
func Check(name string) error {
	if !plain(name) {
		return fmt.Errorf("bad model name %q: want 1 to %d of A-Z a-z 0-9 . - _, "+
			"no leading dot, no '..'", name[:min(len(name), MaxBytes)], MaxBytes)
	}
	if isDevice(name) {
		return fmt.Errorf("bad model name %q: a device name on some systems", name)
	}
	return nil
}

func plain(name string) bool {
	if name == "" || len(name) > MaxBytes || name[0] == '.' || strings.Contains(name, "..") {
		return false
	}
	for i := range len(name) {
		c := name[i]
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (c < '0' || c > '9') && c != '.' && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

// isDevice tells whether the part before the first dot is a device, in any case.
func isDevice(name string) bool {
	stem, _, _ := strings.Cut(strings.ToUpper(name), ".")
	switch stem {
	case "CON", "PRN", "AUX", "NUL":
		return true
	}
	return len(stem) == 4 && (stem[:3] == "COM" || stem[:3] == "LPT") &&
		stem[3] >= '1' && stem[3] <= '9'
}
