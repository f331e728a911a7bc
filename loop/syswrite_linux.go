package loop

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// writeNow is write(2) for a socket, without blocking and without a signal if the
// other end is gone; send(2) is the shorter way into the kernel. Go's scheduler is
// not told of the call, which is for calls that may block and costs a tenth of
// this one.
func writeNow(fd int, b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	// The conversion stands in the call, which keeps b alive and in its place
	// until the kernel has copied it; the length is b's own.
	n, _, errno := unix.RawSyscall6(unix.SYS_SENDTO,
		uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)),
		unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}
