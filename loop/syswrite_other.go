//go:build !linux

package loop

import "golang.org/x/sys/unix"

// writeNow is write(2) for a socket that never blocks.
func writeNow(fd int, b []byte) (int, error) { return unix.Write(fd, b) }
