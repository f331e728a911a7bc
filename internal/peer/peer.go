package peer

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"syscall"
)

// The transports of an [Identity].
const (
	TransportUnix = "unix"
	TransportTCP  = "tcp"
)

// unknown stands for an id that the kernel did not tell.
const unknown = -1

// Identity is who connected. It is a value and can be compared.
type Identity struct {
	Transport string // TransportUnix or TransportTCP
	UID       int    // -1 if unknown, and on TCP; the same for GID and PID
	GID       int
	PID       int    // of the process that connected; it may have passed the socket on
	Addr      string // TCP only: ip:port
}

// String is the form for logs: unix:<uid>:<pid> with -1 for unknown, or
// tcp:<ip:port>.
func (id Identity) String() string {
	if id.Transport == TransportTCP {
		return "tcp:" + id.Addr
	}
	buf := make([]byte, 0, 32)
	buf = append(buf, "unix:"...)
	buf = strconv.AppendInt(buf, int64(id.UID), 10)
	buf = append(buf, ':')
	return string(strconv.AppendInt(buf, int64(id.PID), 10))
}

// FromConn looks up the peer of an accepted connection. With an error the
// identity is as good as it could be had, the rest unknown: it serves for logs,
// but an [Allow] list that is in force refuses it.
func FromConn(c net.Conn) (Identity, error) {
	switch c := c.(type) {
	case *net.UnixConn:
		id := Identity{Transport: TransportUnix, UID: unknown, GID: unknown, PID: unknown}
		err := withFD(c, func(fd int) error { return credentials(fd, &id) })
		return id, err
	case *net.TCPConn:
		id := Identity{Transport: TransportTCP, UID: unknown, GID: unknown, PID: unknown}
		if addr := c.RemoteAddr(); addr != nil {
			id.Addr = addr.String()
		}
		return id, nil
	}
	id := Identity{UID: unknown, GID: unknown, PID: unknown}
	return id, fmt.Errorf("peer of a %T is not known", c)
}

// withFD runs f on the descriptor of c.
func withFD(c syscall.Conn, f func(fd int) error) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	err = raw.Control(func(fd uintptr) { inner = f(int(fd)) })
	return errors.Join(err, inner)
}

// Allow is a list of who may connect to the Unix sockets. The zero value
// admits everybody whom the sockets' modes admit.
type Allow struct {
	UIDs []uint32
	GIDs []uint32 // primary or supplementary groups
}

// Everyone tells whether a is no restriction.
func (a Allow) Everyone() bool { return len(a.UIDs) == 0 && len(a.GIDs) == 0 }

// Permits tells whether the peer of c, looked up as id, may stay. TCP
// connections are not the list's business: there the key decides. A peer whose
// ids are unknown is refused, unless the list is empty.
func (a Allow) Permits(c net.Conn, id Identity) bool {
	if a.Everyone() || id.Transport == TransportTCP {
		return true
	}
	if id.Transport != TransportUnix || id.UID < 0 {
		return false
	}
	if slices.Contains(a.UIDs, uint32(id.UID)) {
		return true
	}
	if len(a.GIDs) == 0 {
		return false
	}
	if id.GID >= 0 && slices.Contains(a.GIDs, uint32(id.GID)) {
		return true
	}
	u, ok := c.(*net.UnixConn)
	if !ok {
		return false
	}
	permitted := false
	err := withFD(u, func(fd int) error {
		groups, err := groupsOf(fd)
		permitted = slices.ContainsFunc(groups, func(g uint32) bool {
			return slices.Contains(a.GIDs, g)
		})
		return err
	})
	return err == nil && permitted
}
