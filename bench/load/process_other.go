//go:build !linux

package load

import "fmt"

func readProcessTree(pid int) (processTree, error) {
	return processTree{pid: pid}, fmt.Errorf("%w: only Linux is supported", errNoServer)
}

func threadWaits() waits { return waits{} }
