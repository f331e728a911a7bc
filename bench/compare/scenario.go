package main

import (
	"fmt"
	"strconv"
)

// defaultConns are clients that the default settings never refuse: one is served
// and ten wait.
const defaultConns = 8

// scenario is one situation in which servers are compared.
type scenario struct {
	Group     string
	TCP       bool
	Conns     int
	TwoCores  bool // for the server; the client has a third, or shares them
	Servers   []serverKind
	OnlyFirst bool // one round is enough: a curve, not a target
}

func (s *scenario) transport() string { return transportName(s.TCP) }

func transportName(tcp bool) string {
	if tcp {
		return "tcp"
	}
	return "uds"
}

func (s *scenario) String() string {
	return fmt.Sprintf("%s %s c=%d", s.Group, s.transport(), s.Conns)
}

// inferdArgs are the daemon's flags for a load test; the activity log is on, as
// it is by default. At the default queue depth of 10 more than eleven clients
// that ask all the time would be refused for a good part of their answers, and
// a refusal is cheaper than an answer.
func inferdArgs(permits int, more ...string) []string {
	return append([]string{
		"--backend", "mock", "--mock-tokens", "8", "--queue-depth", "100000",
		"--active-permits", strconv.Itoa(permits),
	}, more...)
}

var (
	// Each request's tokens come at once from one worker.
	inferdBurst = serverKind{Name: "inferd", args: func(int) []string { return inferdArgs(1) }}
	// As it comes, with an engine that needs no model.
	inferdDefault = serverKind{Name: "inferd", args: func(int) []string {
		return []string{"--backend", "mock", "--mock-tokens", "8"}
	}}
	// All streams run together, a token each in turn: below a microsecond the
	// mock's delay is a yield.
	inferdStep = serverKind{Name: "inferd", args: func(conns int) []string {
		return inferdArgs(conns, "--mock-token-delay", "1ns")
	}}
	// Streams at the pace of a reader.
	inferdPaced = serverKind{Name: "inferd", args: func(conns int) []string {
		return inferdArgs(conns, "--mock-token-delay", "20ms")
	}}
	// The only place is taken for good; there is nobody to wait for at the end.
	inferdFull = serverKind{Name: "inferd", occupied: true, args: func(int) []string {
		return []string{
			"--backend", "mock", "--mock-tokens", "8", "--queue-depth", "0",
			"--active-permits", "1", "--mock-token-delay", "1h", "--drain-timeout", "100ms",
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
	growth, curve := []int{16, 64, 256, 1024, 4096, 8192}, []int{16, 256, 4096}
	if short {
		few, many, growth, curve = []int{64}, nil, []int{16, 256}, []int{16}
	}
	for _, tcp := range []bool{false, true} {
		add := func(group string, conns []int, twoCores bool, servers ...serverKind) {
			for _, n := range conns {
				all = append(all, scenario{
					Group: group, TCP: tcp, Conns: n, TwoCores: twoCores, Servers: servers,
				})
			}
		}
		add(groupBurst, few, false, inferdBurst, gnetOne, stdFrame, stdOnce)
		add(groupBurst, many, false, inferdBurst, gnetOne)
		add(groupStep, few, false, inferdStep, gnetNine)
		add(groupStep2, few, true, inferdStep, stdChan)
		add(groupReject, few, false, inferdFull, gnetReject)
		add(groupDefault, []int{defaultConns}, false, inferdDefault, gnetOne, stdFrame)
	}
	once := func(group string, tcp bool, conns []int, servers ...serverKind) {
		for _, n := range conns {
			all = append(all, scenario{
				Group: group, TCP: tcp, Conns: n, Servers: servers, OnlyFirst: true,
			})
		}
	}
	for _, tcp := range []bool{false, true} { // the points between those of the targets
		once(groupCurve, tcp, curve, inferdBurst, gnetOne, stdFrame, stdOnce)
		once(groupCurve, tcp, few, sonicFrame)
	}
	once(groupGrowth, false, growth, inferdStep)
	return all
}
