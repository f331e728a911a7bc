//go:build !linux

package harness

import "syscall"

// attr makes a child the leader of its process group.
func attr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
