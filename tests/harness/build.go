package harness

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// Stress says whether the tests shall run at full size.
var Stress = os.Getenv("INFERD_STRESS") == "1"

// binDir is made by Main, which removes it.
var binDir string

// Main is the TestMain of a package that uses the harness.
func Main(m *testing.M) {
	dir, err := os.MkdirTemp("", "inferd-bin")
	if err != nil {
		fmt.Fprintln(os.Stderr, "harness:", err)
		os.Exit(1)
	}
	binDir = dir
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

var binaries sync.Map // name -> func() (string, error)

// Binary is the path of one of this repository's commands, built if need be.
func Binary(t testing.TB, name string) string {
	t.Helper()
	if dir := os.Getenv("INFERD_BIN"); dir != "" {
		return filepath.Join(dir, name)
	}
	build, _ := binaries.LoadOrStore(name, sync.OnceValues(func() (string, error) {
		return buildBinary(name)
	}))
	path, err := build.(func() (string, error))()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func buildBinary(name string) (string, error) {
	if binDir == "" {
		return "", fmt.Errorf("harness: this package's TestMain must call harness.Main")
	}
	root, err := Root()
	if err != nil {
		return "", err
	}
	if err := dependOnSources(root); err != nil {
		return "", err
	}
	path := filepath.Join(binDir, name)
	args := []string{"build", "-o", path}
	if Race {
		args = append(args, "-race")
	}
	cmd := exec.Command("go", append(args, "./cmd/"+name)...)
	cmd.Dir = root
	if !Race {
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", name, err, out)
	}
	return path, nil
}

// dependOnSources opens every directory of the module's packages. go test takes what a test
// opens for its inputs, so that the test is run again when the binary would be another one.
func dependOnSources(root string) error {
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		switch rel, _ := filepath.Rel(root, path); rel {
		case ".git", "bin", "lib", "docs":
			return filepath.SkipDir
		}
		dir, err := os.Open(path)
		if err != nil {
			return err
		}
		return dir.Close()
	})
}

// Root is the directory of the module.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", fmt.Errorf("harness: no go.mod above the working directory")
		}
		dir = parent
	}
}

// LlamaLib is the directory of the native libraries, or false if they were not
// fetched.
func LlamaLib() (string, bool) {
	root, err := Root()
	if err != nil {
		return "", false
	}
	dir := filepath.Join(root, "lib", "llama")
	_, err = os.Stat(filepath.Join(dir, "RELEASE"))
	return dir, err == nil
}
