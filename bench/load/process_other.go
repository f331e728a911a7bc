//go:build !linux

package load

import (
	"fmt"
	"time"
)

func processTime(int) (time.Duration, error) {
	return 0, fmt.Errorf("%w: only Linux is supported", errNoServer)
}

func processMemory(int) (int64, error) {
	return 0, fmt.Errorf("%w: only Linux is supported", errNoServer)
}
