package peer

import "golang.org/x/sys/unix"

// credentials fills in what LOCAL_PEERCRED and LOCAL_PEERPID say.
func credentials(fd int, id *Identity) error {
	cred, err := unix.GetsockoptXucred(fd, unix.SOL_LOCAL, unix.LOCAL_PEERCRED)
	if err != nil {
		return err
	}
	id.UID = int(cred.Uid)
	if cred.Ngroups > 0 {
		id.GID = int(cred.Groups[0])
	}
	pid, err := unix.GetsockoptInt(fd, unix.SOL_LOCAL, unix.LOCAL_PEERPID)
	if err != nil {
		return err
	}
	id.PID = pid
	return nil
}

// groupsOf gives the groups that LOCAL_PEERCRED carries, 16 at most.
func groupsOf(fd int) ([]uint32, error) {
	cred, err := unix.GetsockoptXucred(fd, unix.SOL_LOCAL, unix.LOCAL_PEERCRED)
	if err != nil {
		return nil, err
	}
	n := min(max(int(cred.Ngroups), 0), len(cred.Groups))
	return cred.Groups[:n:n], nil
}
