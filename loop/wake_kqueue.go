//go:build darwin || freebsd || netbsd || openbsd || dragonfly

package loop

import "net"

// newWaker makes what wakes a loop: a descriptor to write to and the connection
// that gnet reads from.
func newWaker() (fd int, nc net.Conn, err error) { return wakeSockets() }
