package main

import (
	"fmt"
	"slices"
	"strconv"
)

// The groups of scenarios, as in the table's first column.
const (
	groupBurst    = "burst"
	groupStep     = "step"
	groupStep2    = "step-2-cores"
	groupReject   = "reject"
	groupMemory   = "memory"
	groupStart    = "start"
	groupGrowth   = "growth"
	groupOverload = "overload"
	groupLatency  = "latency"
	groupLines    = "lines"
	groupSingle   = "single"
	groupProfiles = "profiles"
)

// scenario is one situation in which servers are compared.
type scenario struct {
	Group     string
	TCP       bool
	Conns     int
	AllCores  bool // server and client share all cores
	Servers   []serverKind
	OnlyFirst bool // one round is enough: a curve, not a target
}

func (s *scenario) transport() string {
	if s.TCP {
		return "tcp"
	}
	return "uds"
}

func (s *scenario) String() string {
	return fmt.Sprintf("%s %s c=%d", s.Group, s.transport(), s.Conns)
}

// inferdArgs are the daemon's flags for a load test; the activity log is on, as
// it is by default.
func inferdArgs(permits int, more ...string) []string {
	return append([]string{
		"--backend", "mock", "--mock-tokens", "8", "--queue-depth", "100000",
		"--active-permits", strconv.Itoa(permits),
	}, more...)
}

var (
	// Each request's tokens come at once from one worker.
	inferdBurst = serverKind{Name: "inferd", args: func(int) []string { return inferdArgs(1) }}
	// All streams run together, a token each in turn: below a microsecond the
	// mock's delay is a yield.
	inferdStep = serverKind{Name: "inferd", args: func(conns int) []string {
		return inferdArgs(conns, "--mock-token-delay", "1ns")
	}}
	// The only place is taken for good.
	inferdFull = serverKind{Name: "inferd", occupied: true, args: func(int) []string {
		return []string{
			"--backend", "mock", "--mock-tokens", "8", "--queue-depth", "0",
			"--active-permits", "1", "--mock-token-delay", "1h",
		}
	}}

	gnetOne    = serverKind{Name: "gnet", baseline: "gnet"}
	gnetNine   = serverKind{Name: "gnet9", baseline: "gnet9"}
	gnetReject = serverKind{Name: "gnet-reject", baseline: "gnet-reject"}
	stdFrame   = serverKind{Name: "std-frame", baseline: "std-frame"}
	stdOnce    = serverKind{Name: "std", baseline: "std"}
	stdChan    = serverKind{Name: "std-chan", baseline: "std-chan"}
	sonicFrame = serverKind{Name: "sonic-frame", baseline: "sonic-frame"}
)

// scenarios lists what is run in a round, fewer if short.
func scenarios(short bool) []scenario {
	var all []scenario
	few, many := []int{64, 1024}, []int{8192}
	growth := []int{16, 64, 256, 1024, 4096, 8192}
	if short {
		few, many, growth = []int{64}, nil, []int{16, 256}
	}
	for _, tcp := range []bool{false, true} {
		add := func(group string, conns []int, allCores bool, servers ...serverKind) {
			for _, n := range conns {
				all = append(all, scenario{
					Group: group, TCP: tcp, Conns: n, AllCores: allCores, Servers: servers,
				})
			}
		}
		add(groupBurst, few, false, inferdBurst, gnetOne, stdFrame, stdOnce, sonicFrame)
		add(groupBurst, many, false, inferdBurst, gnetOne)
		add(groupStep, few, false, inferdStep, gnetNine)
		add(groupStep2, few, true, inferdStep, stdChan)
		add(groupReject, few, false, inferdFull, gnetReject)
	}
	for _, n := range growth {
		all = append(all, scenario{
			Group: groupGrowth, Conns: n, Servers: []serverKind{inferdStep}, OnlyFirst: true,
		})
	}
	return all
}

// wanted reports whether --only leaves a group in.
func (o *options) wanted(group string) bool {
	return len(o.only) == 0 || slices.Contains(o.only, group)
}
