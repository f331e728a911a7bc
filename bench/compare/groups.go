package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// The groups of scenarios, as in the table's first column.
const (
	groupBurst    = "burst"
	groupStep     = "step"
	groupStep2    = "step-2-cores"
	groupReject   = "reject"
	groupDefault  = "default"
	groupCurve    = "curve"
	groupGrowth   = "growth"
	groupAllocs   = "allocs"
	groupMemory   = "memory"
	groupStart    = "start"
	groupOverload = "overload"
	groupSingle   = "single"
	groupCrowd    = "crowd"
	groupLines    = "lines"
	groupLoops    = "loops"
	groupLatency  = "latency"
	groupProfiles = "profiles"
)

// groups lists them in the order in which they run.
var groups = []string{
	groupBurst, groupStep, groupStep2, groupReject, groupDefault, groupCurve, groupGrowth,
	groupAllocs, groupMemory, groupStart, groupOverload, groupSingle, groupCrowd, groupLines,
	groupLoops, groupLatency, groupProfiles,
}

// wanted reports whether --only leaves a group in.
func (o *options) wanted(group string) bool {
	return len(o.only) == 0 || slices.Contains(o.only, group)
}

// wantedLong is the same for a group that --short leaves out unless it is named.
func (o *options) wantedLong(group string) bool {
	return o.wanted(group) && (!o.short || len(o.only) > 0)
}

// settle checks the groups and decides where the report goes: one of a part of
// the runs, or of short ones, must not take the place of a whole one, so
// without a directory of its own it is only printed.
func (o *options) settle(outSet bool) error {
	for _, group := range o.only {
		if !slices.Contains(groups, group) {
			return fmt.Errorf("unknown group %q: want some of %s", group, strings.Join(groups, ", "))
		}
	}
	if o.rounds < 1 {
		return fmt.Errorf("%d rounds: want 1 or more", o.rounds)
	}
	if !outSet && (len(o.only) > 0 || o.short) {
		o.out = ""
	}
	if o.out == "" && slices.Contains(o.only, groupProfiles) {
		return errors.New("profiles are files: name a directory for them with --out")
	}
	return nil
}
