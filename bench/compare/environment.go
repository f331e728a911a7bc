package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// environment is what all runs share: the binaries and the cores.
type environment struct {
	dir      string // of what was built; removed at the end
	inferd   string
	baseline string
	bench    string

	// cores of server and client as taskset takes them; empty: not pinned
	serverCore, clientCore string
}

// prepare builds the binaries and picks the cores.
func prepare(ctx context.Context, inferd string) (*environment, error) {
	dir, err := os.MkdirTemp("", "inferd-compare")
	if err != nil {
		return nil, err
	}
	e := &environment{
		dir: dir, inferd: inferd,
		baseline: filepath.Join(dir, "baseline"), bench: filepath.Join(dir, "inferd-bench"),
	}
	builds := map[string]string{
		e.baseline: "./bench/baseline/cmd/baseline",
		e.bench:    "./cmd/inferd-bench",
	}
	if inferd == "" {
		e.inferd = filepath.Join(dir, "inferd")
		builds[e.inferd] = "./cmd/inferd"
	}
	for binary, source := range builds {
		if err := build(ctx, binary, source); err != nil {
			e.remove()
			return nil, err
		}
	}
	if _, err := exec.LookPath("taskset"); err == nil && runtime.NumCPU() >= 2 {
		e.serverCore, e.clientCore = "0", "1"
	}
	return e, nil
}

func build(ctx context.Context, binary, source string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", binary, source)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", source, err, output)
	}
	return nil
}

func (e *environment) remove() { _ = os.RemoveAll(e.dir) }
