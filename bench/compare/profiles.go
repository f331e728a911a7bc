package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// profileWarmup is short: the daemon's profiles begin with its process.
const profileWarmup = 50 * time.Millisecond

// profiled are the runs whose profiles are kept: ours of every target that is a
// ratio of two loads.
func profiled() []scenario {
	var runs []scenario
	for _, s := range scenarios(false) {
		switch s.Group {
		case groupBurst, groupStep, groupStep2, groupReject:
			s.Servers = s.Servers[:1] // ours comes first
			runs = append(runs, s)
		}
	}
	return runs
}

// profiles runs each of profiled once more under the profilers, apart from the
// runs that count, and leaves the tops as text in dir/profiles: where the time
// goes, in a function itself and with all it calls, and what was allocated.
func (e *environment) profiles(ctx context.Context, o options) error {
	dir := filepath.Join(o.out, "profiles")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	o.duration, o.warmup = 2*o.duration, profileWarmup
	for _, s := range profiled() {
		if err := e.profile(ctx, o, s, dir); err != nil {
			return fmt.Errorf("profile of %s: %w", &s, err)
		}
	}
	return nil
}

func (e *environment) profile(ctx context.Context, o options, s scenario, dir string) error {
	kind := s.Servers[0]
	cpu := filepath.Join(e.dir, "cpu.pprof")
	allocs := filepath.Join(e.dir, "allocs.pprof")
	kind.env = []string{"INFERD_CPU_PROFILE=" + cpu, "INFERD_ALLOC_PROFILE=" + allocs}
	if _, err := e.measure(ctx, o, s, kind); err != nil {
		return err
	}
	name := fmt.Sprintf("%s-%s-%d", s.Group, s.transport(), s.Conns)
	progress("profile %s", name)
	if err := e.keepTops(ctx, cpu, filepath.Join(dir, name+".cpu.txt"),
		[]string{"-flat"}, []string{"-cum", "-hide=" + aboveAll}); err != nil {
		return err
	}
	return e.keepTops(ctx, allocs, filepath.Join(dir, name+".allocs.txt"),
		[]string{"-flat", "-sample_index=alloc_space"})
}

// profileForCompiler merges processor profiles of a daemon under load into one for
// profile-guided optimisation. The compiler optimises the calls that make up nearly
// all of it, so what the optimisation is not for is left out: waiting for memory with
// thousands of connections, Go's scheduler on several cores. A daemon that is
// optimised already shows fewer of the calls.
func profileForCompiler(ctx context.Context, o options) error {
	e, err := prepare(ctx, o.binaries, "-pgo=off")
	if err != nil {
		return err
	}
	defer e.remove()
	o.warmup = profileWarmup
	args := []string{"tool", "pprof", "-proto", "-output=" + o.pgo}
	for i, s := range profiled() {
		if s.TwoCores || s.Conns > pgoConns {
			continue
		}
		progress("profile %s", &s)
		kind := s.Servers[0]
		cpu := filepath.Join(e.dir, strconv.Itoa(i)+".pprof")
		kind.env = []string{"INFERD_CPU_PROFILE=" + cpu}
		if _, err := e.measure(ctx, o, s, kind); err != nil {
			return fmt.Errorf("profile of %s: %w", &s, err)
		}
		args = append(args, cpu)
	}
	merge := exec.CommandContext(ctx, "go", args...)
	merge.Stderr = os.Stderr
	return merge.Run()
}

// aboveAll are frames that everything is below: they would fill the top.
const aboveAll = `^(main|runtime)\.main$|^main\.|errgroup|WaitGroup|` +
	`^runtime\.(mcall|systemstack|goexit)|gnet.*(\.run|Polling|processIO|eventloop\)\.read)|Pool.*(Resize|work)`

// keepTops writes the tops of a profile in several orders into a file.
func (e *environment) keepTops(
	ctx context.Context, profile, file string, orders ...[]string,
) error {
	var text bytes.Buffer
	for _, order := range orders {
		args := append([]string{"tool", "pprof", "-top", "-nodecount=" + strconv.Itoa(profileTop)},
			order...)
		top, err := exec.CommandContext(ctx, "go", append(args, e.inferd, profile)...).Output()
		if err != nil {
			return err
		}
		text.WriteString("# " + order[0][1:] + "\n")
		text.Write(top)
	}
	return os.WriteFile(file, text.Bytes(), 0o644)
}
