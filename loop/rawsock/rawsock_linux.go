package rawsock

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Send is send(2): it gives fd as much of b as it takes at once, and no signal if
// the other end is gone. A full socket is EAGAIN.
func Send(fd int, b []byte) (int, error) {
	return call(unix.SYS_SENDTO, fd, b, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
}

// Receive is recv(2): it fills b with what is there. An empty socket is EAGAIN, 0
// the end.
func Receive(fd int, b []byte) (int, error) {
	return call(unix.SYS_RECVFROM, fd, b, unix.MSG_DONTWAIT)
}

func call(number uintptr, fd int, b []byte, flags uintptr) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	// The conversion stands in the call, which keeps b alive and in its place
	// until the kernel is done with it; the length is b's own.
	n, _, errno := unix.RawSyscall6(number,
		uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), flags, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}
