//go:build unix

package admin

import (
	"errors"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// hungUp reports whether the peer of a connection that has sent all it will
// send is gone altogether. What is no socket counts as gone.
//
// POLLHUP comes with any poll, and POLLOUT alone is asked for because BSD-style
// systems report a half-closed peer as POLLHUP to those who poll for input.
func hungUp(conn net.Conn) bool {
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return true
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return true
	}
	gone := false
	err = raw.Control(func(fd uintptr) {
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
		_, perr := unix.Poll(fds, 0)
		gone = perr != nil && !errors.Is(perr, unix.EINTR) ||
			fds[0].Revents&(unix.POLLHUP|unix.POLLERR|unix.POLLNVAL) != 0
	})
	return err != nil || gone
}
