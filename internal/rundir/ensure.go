package rundir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// dirMode keeps everybody else out of what inferd creates.
const dirMode fs.FileMode = 0o700

// EnsureParent makes sure that the directory of path exists, see [Ensure].
func EnsureParent(path string) error { return Ensure(filepath.Dir(path)) }

// Ensure creates dir and its parents, mode 0700, if they are missing. A run
// directory under /tmp must be [Trusted], whether it existed or not: anybody may
// have made it first.
func Ensure(dir string) error {
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return fmt.Errorf("create directory: %w", err)
	}
	return Trusted(dir)
}

// Trusted refuses a run directory directly under /tmp that is a symbolic link,
// no directory, somebody else's, or writable by others: who controls it could
// put his own socket in place of the daemon's. Any other directory is the
// choice of whoever named it and passes.
func Trusted(dir string) error {
	dir = filepath.Clean(dir)
	if filepath.Dir(dir) != tmpRoot || !isRunDirName(filepath.Base(dir)) {
		return nil
	}
	info, err := os.Lstat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // nothing there to be trusted or not
	}
	if err != nil {
		return fmt.Errorf("run directory: %w", err)
	}
	return vet(dir, info, os.Geteuid())
}

func isRunDirName(name string) bool {
	return name == "inferd" || strings.HasPrefix(name, "inferd-")
}

// vet judges a directory entry for the user with id euid.
func vet(dir string, info fs.FileInfo, euid int) error {
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		return fmt.Errorf("run directory is a symlink (refused): %s", dir)
	case !info.IsDir():
		return fmt.Errorf("run directory is not a directory: %s", dir)
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && int(st.Uid) != euid {
		return fmt.Errorf("run directory belongs to user %d, not to %d (refused): %s",
			st.Uid, euid, dir)
	}
	if info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("run directory is writable by others (mode %04o, refused): %s",
			info.Mode().Perm(), dir)
	}
	return nil
}
