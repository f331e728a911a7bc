//go:build !linux

package worker

import (
	"os"
	"syscall"
)

// processAttributes: without a parent-death signal the worker relies on the end
// of its socket, which it sees at once unless it is stopped.
func processAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// hideInherited has no system call to do it here.
func hideInherited() {}

// withLazyTimers has nothing to set here.
func withLazyTimers(start func() error) error { return start() }

func socketPair() (ours, theirs *os.File, err error) {
	syscall.ForkLock.RLock() // no fork between the pair and its close-on-exec flags
	defer syscall.ForkLock.RUnlock()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		return nil, nil, err
	}
	syscall.CloseOnExec(fds[0])
	syscall.CloseOnExec(fds[1])
	return os.NewFile(uintptr(fds[0]), "worker"), os.NewFile(uintptr(fds[1]), "daemon"), nil
}
