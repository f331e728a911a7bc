//go:build !linux

package rawsock

import "golang.org/x/sys/unix"

// Send is write(2) for a socket that never blocks.
func Send(fd int, b []byte) (int, error) { return unix.Write(fd, b) }

// Receive is read(2) for a socket that never blocks.
func Receive(fd int, b []byte) (int, error) { return unix.Read(fd, b) }
