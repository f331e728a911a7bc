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

// withLazyTimers starts a process whose timers may be late by timerSlack: the
// slack is the calling thread's, which the process inherits. While native code
// computes, the Go runtime's monitor sleeps for 20 µs at a time, which costs
// several percent of a core; nothing in a worker needs to be that exact. But the
// scheduler, too, sleeps for a few µs before it takes a goroutine that another thread
// is about to run, and meanwhile no other thread looks for work. With 10 ms of slack a
// fifth of a lone client's requests waited that long for their first token.
func withLazyTimers(start func() error) error {
	if unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(timerSlack), 0, 0, 0) == nil {
		defer func() { _ = unix.Prctl(unix.PR_SET_TIMERSLACK, 0, 0, 0, 0) }() // the default again
	}
	return start()
}

func socketPair() (ours, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	return os.NewFile(uintptr(fds[0]), "worker"), os.NewFile(uintptr(fds[1]), "daemon"), nil
}
