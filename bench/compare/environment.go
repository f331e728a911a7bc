package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
)

// environment is what all runs share: the binaries and the cores.
type environment struct {
	dir      string // of what was built; removed at the end
	inferd   string
	baseline string
	bench    string

	// cores that may be used and pinned to; nil: neither known nor pinned
	cores []int
	// of server and client as taskset takes them; empty: not pinned
	serverCore, clientCore string

	notes []string // lines below the targets: what was left out and why
}

// prepare takes the binaries from a directory or, if it is "", builds them, with
// flags of go build if need be, and picks the cores.
func prepare(ctx context.Context, binaries string, flags ...string) (*environment, error) {
	dir, err := os.MkdirTemp("", "inferd-compare")
	if err != nil {
		return nil, err
	}
	e := &environment{dir: dir}
	for _, b := range []struct {
		path   *string
		source string
	}{
		{&e.inferd, "./cmd/inferd"},
		{&e.bench, "./cmd/inferd-bench"},
		{&e.baseline, "./bench/baseline/cmd/baseline"},
	} {
		if binaries != "" {
			*b.path = filepath.Join(binaries, filepath.Base(b.source))
			continue
		}
		*b.path = filepath.Join(dir, filepath.Base(b.source))
		if err := build(ctx, *b.path, b.source, flags); err != nil {
			e.remove()
			return nil, err
		}
	}
	if _, err := exec.LookPath("taskset"); err == nil {
		e.cores = allowedCores()
	}
	if len(e.cores) >= 2 {
		e.serverCore, e.clientCore = strconv.Itoa(e.cores[0]), strconv.Itoa(e.cores[1])
	}
	return e, nil
}

func build(ctx context.Context, binary, source string, flags []string) error {
	args := slices.Concat([]string{"build", "-trimpath", "-o", binary}, flags, []string{source})
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", source, err, output)
	}
	return nil
}

// coresFor gives what server and client of a scenario are pinned to; "" is nothing.
func (e *environment) coresFor(s scenario) (server, client string) {
	switch {
	case !s.TwoCores:
		return e.serverCore, e.clientCore
	case len(e.cores) > 2:
		return coreList(e.cores[:2]), strconv.Itoa(e.cores[2])
	default:
		return "", ""
	}
}

// note keeps a line for the report.
func (e *environment) note(format string, args ...any) {
	e.notes = append(e.notes, fmt.Sprintf(format, args...))
}

func (e *environment) remove() { _ = os.RemoveAll(e.dir) }
