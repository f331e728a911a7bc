package llama

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// ErrNoLibrary says that no libllama was found where one was looked for.
var ErrNoLibrary = errors.New("the llama.cpp libraries were not found")

// ErrUnknownLibrary says that a libllama was found whose struct layout this
// build does not know.
var ErrUnknownLibrary = errors.New("unknown llama.cpp library")

// systemDirs are where distributions and Homebrew put libllama.
var systemDirs = []string{
	"/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib",
	"/usr/local/lib", "/opt/homebrew/lib",
}

// libraryFiles are the files opened, in the order of their dependencies.
type libraryFiles struct {
	dir             string
	base, ggml, lib string
}

// Find gives the directory of the libraries: dir if it is not empty, else
// lib/llama beside the running binary or in its parent directory, else the
// system's library directories. Never the working directory: whoever owns that
// could have code of theirs run.
func Find(dir string) (string, error) {
	if dir != "" {
		if _, err := filesIn(dir); err != nil {
			return "", fmt.Errorf("%w: %w", ErrNoLibrary, err)
		}
		return filepath.Abs(dir)
	}
	for _, d := range searchPath() {
		if _, err := filesIn(d); err == nil {
			return filepath.Abs(d)
		}
	}
	return "", ErrNoLibrary
}

func searchPath() []string {
	var dirs []string
	if exe, err := os.Executable(); err == nil {
		if real, err := filepath.EvalSymlinks(exe); err == nil {
			exe = real
		}
		d := filepath.Dir(exe)
		dirs = append(dirs, filepath.Join(d, "lib", "llama"), filepath.Join(d, "..", "lib", "llama"))
	}
	return append(dirs, systemDirs...)
}

// filesIn names the three libraries in dir: the release's versioned file names
// first, then plain ones as a distribution installs them.
func filesIn(dir string) (libraryFiles, error) {
	f := libraryFiles{dir: dir}
	for _, want := range []struct {
		to   *string
		stem string
	}{{&f.base, "libggml-base"}, {&f.ggml, "libggml"}, {&f.lib, "libllama"}} {
		for _, name := range fileNames(want.stem) {
			path := filepath.Join(dir, name)
			if st, err := os.Stat(path); err == nil && st.Mode().IsRegular() {
				*want.to = path
				break
			}
		}
		if *want.to == "" {
			return f, fmt.Errorf("no %s in %s (looked for %s)", want.stem, dir,
				strings.Join(fileNames(want.stem), ", "))
		}
	}
	return f, nil
}

func fileNames(stem string) []string {
	if runtime.GOOS == "darwin" {
		return []string{
			stem + ".metal." + Release + ".dylib", stem + "." + Release + ".dylib", stem + ".dylib",
		}
	}
	return []string{stem + "." + Release + ".so", stem + ".so", stem + ".so.0"}
}
