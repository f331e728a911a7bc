package harness

import "syscall"

// attr makes a child the leader of its process group, and has the kernel kill it
// should the test process die without a clean-up.
func attr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
