package daemon

import (
	"runtime/debug"
	"syscall"
)

// crashBySignal makes a crash of this process end it by SIGABRT behind the trace
// of all goroutines. The runtime's own way is exit code 2, which means a usage
// error here: a service manager would not restart the daemon. No core is
// written, for it would hold prompts.
func crashBySignal() {
	debug.SetTraceback("crash")
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_CORE, &limit) == nil {
		limit.Cur = 0
		_ = syscall.Setrlimit(syscall.RLIMIT_CORE, &limit) // then it is as it was
	}
}
