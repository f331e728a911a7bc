package worker

import (
	"math"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// processAttributes: the kernel kills the worker when the thread that started it
// ends; its own process group keeps a terminal's signals away.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}

// hideInherited keeps descriptors that the daemon was started with from the
// worker; the runtime marks only those that it opens itself. A kernel before
// 5.11 does not know the call, and the worker gets them as the daemon did.
func hideInherited() {
	const firstAfterStandard = 3
	_ = unix.CloseRange(firstAfterStandard, math.MaxInt32, unix.CLOSE_RANGE_CLOEXEC)
}

func socketPair() (ours, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	return os.NewFile(uintptr(fds[0]), "worker"), os.NewFile(uintptr(fds[1]), "daemon"), nil
}
