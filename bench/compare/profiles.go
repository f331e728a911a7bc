package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// profiled are the runs whose profiles are kept.
var profiled = []scenario{
	{Group: groupBurst, Conns: 64, Servers: []serverKind{inferdBurst}},
	{Group: groupBurst, Conns: 1024, Servers: []serverKind{inferdBurst}},
	{Group: groupBurst, Conns: 64, TCP: true, Servers: []serverKind{inferdBurst}},
	{Group: groupStep, Conns: 64, Servers: []serverKind{inferdStep}},
	{Group: groupStep, Conns: 1024, Servers: []serverKind{inferdStep}},
	{Group: groupStep2, Conns: 64, AllCores: true, Servers: []serverKind{inferdStep}},
	{Group: groupReject, Conns: 64, Servers: []serverKind{inferdFull}},
}

// profiles runs each of profiled once more under the profilers, apart from the
// runs that count, and leaves the tops as text in dir/profiles.
func (e *environment) profiles(ctx context.Context, o options) error {
	dir := filepath.Join(o.out, "profiles")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, s := range profiled {
		kind := s.Servers[0]
		cpu := filepath.Join(e.dir, "cpu.pprof")
		allocs := filepath.Join(e.dir, "allocs.pprof")
		kind.env = []string{"INFERD_CPU_PROFILE=" + cpu, "INFERD_ALLOC_PROFILE=" + allocs}
		long := o
		long.duration = 3 * o.duration
		if _, err := e.measure(ctx, long, s, kind); err != nil {
			return fmt.Errorf("profile of %s: %w", &s, err)
		}
		name := fmt.Sprintf("%s-%s-%d", s.Group, s.transport(), s.Conns)
		progress("profile %s", name)
		for _, p := range []struct{ kind, file string }{{"cpu", cpu}, {"allocs", allocs}} {
			args := []string{"tool", "pprof", "-top", "-cum", "-nodecount=60"}
			if p.kind == "allocs" {
				args = append(args, "-sample_index=alloc_space")
			}
			top, err := exec.CommandContext(ctx, "go", append(args, e.inferd, p.file)...).Output()
			if err != nil {
				return fmt.Errorf("profile of %s: %w", &s, err)
			}
			file := filepath.Join(dir, name+"."+p.kind+".txt")
			if err := os.WriteFile(file, top, 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}
