package instance

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"inferd/internal/rundir"
)

// Socket is a listening Unix socket and the file that it made.
type Socket struct {
	*net.UnixListener
	path string
	made fs.FileInfo // nil if somebody else made the file (socket activation)
}

// Path is the file's path as it was given.
func (s *Socket) Path() string { return s.path }

// Close stops listening and removes the socket's file, unless another one has
// come in its place.
func (s *Socket) Close() error {
	var err error
	if s.made != nil {
		if now, statErr := os.Lstat(s.path); statErr == nil && os.SameFile(now, s.made) {
			err = os.Remove(s.path)
		}
		s.made = nil
	}
	return errors.Join(err, s.UnixListener.Close())
}

// umaskMu serialises the change of the umask, which is the process's.
var umaskMu sync.Mutex

// ListenUnix binds a stream socket at path with exactly the given mode, owned
// by the named group if group is not empty. Missing parent directories are
// created, mode 0700. A stale socket at path is replaced, so the caller must
// hold the lock; everything else that lies there is refused untouched.
//
// The path is taken literally: no character of it is special.
func ListenUnix(path string, mode fs.FileMode, group string) (*Socket, error) {
	if err := CheckSocketPath(path); err != nil {
		return nil, err
	}
	gid, err := GroupID(group)
	if err != nil {
		return nil, err
	}
	if err := rundir.EnsureParent(path); err != nil {
		return nil, fmt.Errorf("uds: %w", err)
	}
	if err := clearPath(path); err != nil {
		return nil, err
	}
	ln, err := bind(path)
	if err != nil {
		return nil, fmt.Errorf("uds: %w", err)
	}
	s := &Socket{UnixListener: ln, path: path}
	if err := s.secure(mode, gid); err != nil {
		return nil, errors.Join(fmt.Errorf("uds: %w", err), s.Close())
	}
	return s, nil
}

// CheckSocketPath tells what [ListenUnix] would refuse about the path alone. Any
// goroutine may call it.
func CheckSocketPath(path string) error {
	switch {
	case path == "":
		return errors.New("uds path is empty")
	case strings.ContainsRune(path, 0):
		return errors.New("uds path contains a NUL byte")
	case len(literal(path)) > maxSocketPathBytes:
		return fmt.Errorf("uds path has %d bytes, the system allows %d: choose a shorter one: %s",
			len(path), maxSocketPathBytes, path)
	}
	return nil
}

// literal keeps a relative path that begins with "@" from meaning Linux's
// abstract namespace, which has no file, no mode and no owner.
func literal(path string) string {
	if path[0] == '@' {
		return "./" + path
	}
	return path
}

// bind creates the socket. Between bind(2) and chmod(2) the umask decides who
// may connect: for that moment it leaves the owner only.
func bind(path string) (*net.UnixListener, error) {
	umaskMu.Lock()
	defer umaskMu.Unlock()
	defer syscall.Umask(syscall.Umask(0o077))
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: literal(path), Net: "unix"})
	if err != nil {
		return nil, err
	}
	ln.SetUnlinkOnClose(false) // Socket.Close looks first what lies there
	return ln, nil
}

// secure gives the fresh socket its owner and mode. The group comes first: the
// mode may open the socket to it.
func (s *Socket) secure(mode fs.FileMode, gid int) error {
	made, err := os.Lstat(s.path)
	if err != nil {
		return err
	}
	if made.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("%s was replaced while it was bound", s.path)
	}
	s.made = made
	if gid >= 0 {
		if err := os.Lchown(s.path, -1, gid); err != nil {
			return fmt.Errorf("give to group: %w", err)
		}
	}
	return os.Chmod(s.path, mode)
}

// GroupID resolves a group's name, or a number, for [ListenUnix]; -1 is none. Any
// goroutine may call it.
func GroupID(group string) (int, error) {
	if group == "" {
		return -1, nil
	}
	g, err := user.LookupGroup(group)
	if err != nil {
		if gid, numErr := strconv.ParseUint(group, 10, 31); numErr == nil {
			return int(gid), nil
		}
		return -1, fmt.Errorf("group not found: %s", group)
	}
	return strconv.Atoi(g.Gid)
}

// clearPath removes a stale socket and refuses everything else.
func clearPath(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("uds: %w", err)
	case info.Mode()&fs.ModeSymlink != 0:
		return fmt.Errorf("uds path is a symlink (refused): %s", path)
	case info.IsDir():
		return fmt.Errorf("uds path is a directory (refused): %s", path)
	case info.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("uds path exists and is not a socket (refused): %s", path)
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("uds path is a socket of user %d (refused; remove it if it is stale): %s",
			st.Uid, path)
	}
	if err := probe(path); err != nil {
		return err
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("uds: remove stale socket: %w", err)
	}
	return nil
}

// probe connects to the socket at path; nil means that nobody is behind it.
func probe(path string) error {
	conn, err := net.DialTimeout("unix", literal(path), probeTimeout)
	switch {
	case err == nil:
		_ = conn.Close()
		return fmt.Errorf("uds path is in use by a live process (refused): %s", path)
	case errors.Is(err, unix.ECONNREFUSED), errors.Is(err, fs.ErrNotExist):
		return nil
	default:
		// A full backlog, a datagram socket, a time-out: somebody is there, or
		// it can't be known.
		return fmt.Errorf("uds path may be in use (refused): %s: %w", path, err)
	}
}
