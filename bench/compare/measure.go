package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"inferd/bench/load"
)

// measurement is one run of the load generator against one server.
type measurement struct {
	Group     string       `json:"group"`
	Transport string       `json:"transport"`
	Conns     int          `json:"conns"`
	Server    string       `json:"server"`
	Round     int          `json:"round"`
	Result    *load.Result `json:"result"`
}

// measureAll goes through the scenarios round by round. Every other round runs
// the servers of a scenario in the opposite order, so that neither always has
// the warmer machine.
func (e *environment) measureAll(ctx context.Context, o options) ([]measurement, error) {
	var all []measurement
	for round := range o.rounds {
		for _, s := range scenarios(o.short) {
			if !o.wanted(s.Group) || s.OnlyFirst && round > 0 {
				continue
			}
			servers := slices.Clone(s.Servers)
			if round%2 == 1 {
				slices.Reverse(servers)
			}
			for _, kind := range servers {
				r, err := e.measureFed(ctx, o, s, kind)
				if err != nil {
					return nil, fmt.Errorf("%s %s: %w", &s, kind.Name, err)
				}
				progress("round %d/%d  %-22s %-12s %8.3f us/request  %8.0f/s%s", round+1, o.rounds,
					&s, kind.Name, r.Server.USPerRequest, r.AnswerRate, oddities(r))
				all = append(all, measurement{s.Group, s.transport(), s.Conns, kind.Name, round, r})
			}
		}
	}
	return all, nil
}

// measureFed repeats a run that got hardly any processor time from a busy
// machine, for it says nothing about the server.
func (e *environment) measureFed(
	ctx context.Context, o options, s scenario, kind serverKind,
) (*load.Result, error) {
	for range starvedRetries {
		r, err := e.measure(ctx, o, s, kind)
		if err != nil || r.AnswerRate >= starvedRate {
			return r, err
		}
		progress("again: %s %s answered only %.0f/s", &s, kind.Name, r.AnswerRate)
	}
	return nil, fmt.Errorf("fewer than %d answers/s in %d runs: is the machine busy?",
		starvedRate, starvedRetries)
}

// measure starts one server, puts the load on it and stops it.
func (e *environment) measure(
	ctx context.Context, o options, s scenario, kind serverKind,
) (*load.Result, error) {
	serverCores, clientCore := e.coresFor(s)
	running, err := e.startServer(ctx, kind, s.TCP, s.Conns, serverCores)
	if err != nil {
		return nil, err
	}
	defer running.stop()
	results, err := e.generate(ctx, running, clientCore,
		"--conns", strconv.Itoa(s.Conns), "--duration", o.duration.String(),
		"--warmup", o.warmup.String())
	if err != nil {
		return nil, err
	}
	return results[0], nil
}

// generate runs the load generator in a process of its own.
func (e *environment) generate(
	ctx context.Context, s *server, core string, args ...string,
) ([]*load.Result, error) {
	args = append(args, "--json", "--quiet", "--server-pid", strconv.Itoa(s.cmd.Process.Pid))
	if s.target.TCP != "" {
		args = append(args, "--tcp", s.target.TCP)
	} else {
		args = append(args, "--uds", s.target.Unix)
	}
	cmd := pinned(core, e.bench, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ended := context.AfterFunc(ctx, func() { _ = cmd.Process.Signal(os.Interrupt) })
	defer ended()
	if err := cmd.Wait(); err != nil {
		return nil, fmt.Errorf("load generator: %w\n%s", err, stderr.Bytes())
	}
	var results []*load.Result
	for decoder := json.NewDecoder(&stdout); decoder.More(); {
		var r load.Result
		if err := decoder.Decode(&r); err != nil {
			return nil, fmt.Errorf("load generator: %w", err)
		}
		results = append(results, &r)
	}
	if len(results) == 0 {
		return nil, fmt.Errorf("load generator: no result\n%s", stderr.Bytes())
	}
	return results, nil
}

// oddities points out what makes a run doubtful.
func oddities(r *load.Result) string {
	text := ""
	if r.Failed() > 0 {
		text += fmt.Sprintf("  FAILED %v", r.Errors)
	}
	if r.Rejected > 0 && r.Done > 0 {
		text += fmt.Sprintf("  refused %d", r.Rejected)
	}
	for _, warning := range r.Warnings {
		reason, _, _ := strings.Cut(warning, ":")
		text += "  (" + reason + ")"
	}
	return text
}

// doubtful reports whether the load generator, rather than the server, may have
// set the pace: it was busy itself, or warned of something.
func doubtful(r *load.Result) bool { return r.ClientBusy() || len(r.Warnings) > 0 }

func progress(format string, args ...any) {
	_, _ = fmt.Fprintf(os.Stderr, format+"\n", args...)
}
