package loop

import (
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// wakeOne is what is written to wake a loop. The kernel adds up what an eventfd is
// given, so it is a number there, not 0 in any byte order.
var wakeOne = []byte{1, 0, 0, 0, 0, 0, 0, 0}

// wake makes the loop call turn. A descriptor that takes no more means that the
// loop has been woken often enough. Any goroutine may call it.
func (lp *eventLoop) wake() { _, _ = unix.Write(lp.wakeFD, wakeOne) }

// wakeSockets makes the socket pair that wakes a loop: ours to write, gnet's to
// read.
func wakeSockets() (ours int, theirs *net.UnixConn, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return -1, nil, os.NewSyscallError("socketpair", err)
	}
	for _, fd := range fds {
		unix.CloseOnExec(fd)
	}
	f := os.NewFile(uintptr(fds[0]), "wake")
	defer f.Close()
	nc, err := net.FileConn(f)
	if err == nil {
		err = unix.SetNonblock(fds[1], true)
	}
	if err != nil {
		_ = unix.Close(fds[1])
		return -1, nil, err
	}
	return fds[1], nc.(*net.UnixConn), nil
}
