package peer

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// credentials fills in what SO_PEERCRED says: the ids at the time of connect.
func credentials(fd int, id *Identity) error {
	cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return err
	}
	id.UID, id.GID = int(cred.Uid), int(cred.Gid)
	if cred.Pid > 0 { // 0: the peer lives in another pid namespace
		id.PID = int(cred.Pid)
	}
	return nil
}

// maxGroups is NGROUPS_MAX of Linux.
const maxGroups = 65536

// groupsOf asks SO_PEERGROUPS (Linux 4.13) for the supplementary groups.
func groupsOf(fd int) ([]uint32, error) {
	for n := 64; ; {
		groups := make([]uint32, n)
		size := uint32(len(groups) * 4)
		// unsafe: the kernel writes at most size bytes to groups, whose backing
		// array has exactly that many, and the length back to size. Both are
		// kept alive by being arguments of the call. x/sys has no wrapper for
		// options that are arrays.
		_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd),
			unix.SOL_SOCKET, unix.SO_PEERGROUPS,
			uintptr(unsafe.Pointer(&groups[0])), uintptr(unsafe.Pointer(&size)), 0)
		switch {
		case errno == 0:
			return groups[:size/4], nil
		case errno == unix.ERANGE && int(size/4) > n && size/4 <= maxGroups:
			n = int(size / 4) // the kernel has told how many there are
		default:
			return nil, errno
		}
	}
}
