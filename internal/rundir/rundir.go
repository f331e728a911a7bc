package rundir

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"
)

// Leaf names inside the run directory.
const (
	inferLeaf   = "infer.sock"
	inferV2Leaf = "infer.v2.sock"
	embedLeaf   = "infer.embed.sock"
	adminLeaf   = "admin.sock"
	lockLeaf    = "inferd.lock"
)

// tmpRoot is where the last fallback lies. It is not $TMPDIR: daemon and client
// must agree even if only one of them has that variable.
const tmpRoot = "/tmp"

// Paths are the endpoints inside one run directory.
type Paths struct {
	Dir     string
	Infer   string // v1 socket
	InferV2 string
	Embed   string
	Admin   string
	Lock    string // the daemon's single-instance lock
}

// In gives the endpoints inside dir.
func In(dir string) Paths {
	return Paths{
		Dir:     dir,
		Infer:   filepath.Join(dir, inferLeaf),
		InferV2: filepath.Join(dir, inferV2Leaf),
		Embed:   filepath.Join(dir, embedLeaf),
		Admin:   filepath.Join(dir, adminLeaf),
		Lock:    filepath.Join(dir, lockLeaf),
	}
}

// Default gives the endpoints that the daemon serves by default: those in the
// first directory of [Candidates]. env is os.Getenv, or a stand-in for it.
func Default(env func(string) string) Paths {
	return Candidates(env)[0]
}

// Candidates gives the run directories in the order in which they are chosen.
// A client that finds no socket in the first may try the others: the daemon can
// have been started where XDG_RUNTIME_DIR or HOME was not set. Before it
// connects to one under /tmp it asks [Trusted].
func Candidates(env func(string) string) []Paths {
	var dirs []string
	switch runtime.GOOS {
	case "darwin":
		if d := env("TMPDIR"); d != "" {
			dirs = append(dirs, filepath.Join(d, "inferd"))
		}
	default:
		if d := env("XDG_RUNTIME_DIR"); d != "" {
			dirs = append(dirs, filepath.Join(d, "inferd"))
		}
		if d := env("HOME"); d != "" {
			dirs = append(dirs, filepath.Join(d, ".inferd", "run"))
		}
	}
	dirs = append(dirs, tmpOwn(), filepath.Join(tmpRoot, "inferd"))

	paths := make([]Paths, len(dirs))
	for i, d := range dirs {
		paths[i] = In(d)
	}
	return paths
}

// tmpOwn is the caller's own run directory under /tmp. The user id is in its
// name so that two users of a machine never meet in one directory.
func tmpOwn() string {
	return filepath.Join(tmpRoot, "inferd-"+strconv.Itoa(os.Getuid()))
}

// ConfigFile is the default config file, or "" without a home directory.
func ConfigFile(env func(string) string) string {
	return underHome(env, ".inferd", "config.json")
}

// LogDir is the default directory of the activity log, or "" without a home
// directory.
func LogDir(env func(string) string) string {
	return underHome(env, ".inferd", "logs")
}

// ModelsHome is the root of the model store when the configuration names none.
// It is shared with other tools and therefore not called after inferd. It is ""
// without a home directory and without any variable that names a place.
func ModelsHome(env func(string) string) string {
	if d := env("MODELS_HOME"); d != "" {
		return ExpandHome(d, env)
	}
	if runtime.GOOS == "darwin" {
		return underHome(env, "Library", "Application Support", "models")
	}
	if d := env("XDG_DATA_HOME"); d != "" {
		return filepath.Join(d, "models")
	}
	return underHome(env, ".local", "share", "models")
}

// ExpandHome replaces a leading "~/" by the home directory. Without a home
// directory the path stays as it is.
func ExpandHome(path string, env func(string) string) string {
	home := env("HOME")
	if home == "" || len(path) < 2 || path[:2] != "~/" {
		return path
	}
	return filepath.Join(home, path[2:])
}

func underHome(env func(string) string, elem ...string) string {
	home := env("HOME")
	if home == "" {
		return ""
	}
	return filepath.Join(append([]string{home}, elem...)...)
}
