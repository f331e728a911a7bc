package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"inferd/bench/load"
)

// findings is everything a comparison found; it is written as JSON as it is.
type findings struct {
	Machine      machine        `json:"machine"`
	Command      string         `json:"command"`
	Taken        time.Time      `json:"taken"`
	Rounds       int            `json:"rounds"`
	Seconds      float64        `json:"seconds"` // of each run
	Pinned       bool           `json:"pinned"`
	Verdicts     []verdict      `json:"verdicts"`
	Notes        []string       `json:"notes,omitempty"`
	Loops        []loopRun      `json:"loops,omitempty"`
	Measurements []measurement  `json:"measurements"`
	Latency      []*load.Result `json:"latency,omitempty"`
}

var errMissed = errors.New("a target was missed")

// compare runs everything and writes the report.
func compare(ctx context.Context, o options) error {
	e, err := prepare(ctx, o.binaries)
	if err != nil {
		return err
	}
	defer e.remove()
	f := &findings{
		Machine: readMachine(e.inferd), Command: commandLine(),
		Taken:  time.Now().UTC().Truncate(time.Second),
		Rounds: o.rounds, Seconds: o.duration.Seconds(), Pinned: e.serverCore != "",
	}
	if f.Measurements, err = e.measureAll(ctx, o); err != nil {
		return err
	}
	f.Verdicts = judge(f.Measurements)
	for _, extra := range []struct {
		group string
		run   func() ([]verdict, error)
	}{
		{groupAllocs, func() ([]verdict, error) { return e.allocations(ctx, o) }},
		{groupMemory, func() ([]verdict, error) { return e.memory(ctx, o) }},
		{groupStart, func() ([]verdict, error) { return e.startup(ctx, o) }},
		{groupOverload, func() ([]verdict, error) { return e.overload(ctx, o) }},
		{groupSingle, func() ([]verdict, error) { return e.single(ctx, o) }},
		{groupCrowd, func() ([]verdict, error) { return e.crowd(ctx, o) }},
		{groupLines, func() ([]verdict, error) { return e.lines(ctx, o) }},
	} {
		if !o.wanted(extra.group) {
			continue
		}
		verdicts, err := extra.run()
		if err != nil {
			return fmt.Errorf("%s: %w", extra.group, err)
		}
		f.Verdicts = append(f.Verdicts, verdicts...)
	}
	if o.wanted(groupLoops) {
		if f.Loops, err = e.loopTable(ctx, o); err != nil {
			return fmt.Errorf("loops: %w", err)
		}
	}
	if o.wantedLong(groupLatency) {
		if f.Latency, err = e.latencySweep(ctx, o); err != nil {
			return fmt.Errorf("latency: %w", err)
		}
	}
	if o.wantedLong(groupProfiles) {
		if err := e.profiles(ctx, o); err != nil {
			return err
		}
	}
	f.Notes = e.notes
	if o.out == "" {
		_, err = fmt.Print(f.markdown(nil))
	} else {
		err = f.write(o.out)
	}
	if err != nil {
		return err
	}
	return f.judgement(o.strict)
}

// judgement prints the verdicts and, if strict, fails on a miss.
func (f *findings) judgement(strict bool) error {
	missed := false
	for _, v := range f.Verdicts {
		progress("%-16s %-46s %-20s %7.3f (must: %s)",
			v.outcome(), v.What, v.Where, v.Value, v.limit(v.Must))
		missed = missed || v.outcome() == "MISS"
	}
	if strict && missed {
		return errMissed
	}
	return nil
}
