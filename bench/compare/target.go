package main

import (
	"cmp"
	"fmt"
	"slices"
)

// verdict is one line of the table: what was measured, against what.
type verdict struct {
	Group     string  `json:"group"`
	What      string  `json:"what"`
	Where     string  `json:"where"` // transport and connections
	Ours      float64 `json:"ours"`
	Peer      float64 `json:"peer,omitempty"`
	Unit      string  `json:"unit"`
	Value     float64 `json:"value"`          // the ratio, or the figure itself
	Must      float64 `json:"must,omitempty"` // 0: no target
	Ambitious float64 `json:"ambitious,omitempty"`
	AtLeast   bool    `json:"at_least,omitempty"` // Value must not be below, rather than not above
	// Doubtful: the load generator may have set the pace of one of the runs.
	Doubtful bool `json:"generator_doubtful,omitempty"`
}

// outcome says how a value stands to its targets.
func (v *verdict) outcome() string {
	met := func(limit float64) bool {
		if v.AtLeast {
			return v.Value >= limit
		}
		return v.Value <= limit
	}
	switch {
	case v.Must == 0:
		return "for information"
	case v.Ambitious != 0 && met(v.Ambitious):
		return "pass, ambitious"
	case met(v.Must):
		return "pass"
	default:
		return "MISS"
	}
}

// comparison is a target: the ratio of two servers' processor times per request.
type comparison struct {
	group, what     string
	ours, peer      string
	transport       string // empty: both
	conns           []int
	must, ambitious float64
}

// few connections are those of most targets, fits those of the default settings.
var (
	few  = []int{64, 1024}
	fits = []int{defaultConns}
)

// The peer that must flush each frame, for it streams, and the one that need not.
const (
	vsFrame = "burst vs net + encoding/json, a flush a frame"
	vsOnce  = "burst vs net + encoding/json, one flush an answer"
)

var comparisons = []comparison{
	{groupBurst, "burst vs raw gnet, one write", "inferd", "gnet", "", few, 1.5, 1.3},
	{groupBurst, "burst vs raw gnet, one write", "inferd", "gnet", "", []int{8192}, 1.7, 1.25},
	{groupBurst, vsFrame, "inferd", "std-frame", "uds", few, 1. / 5, 1. / 6},
	{groupBurst, vsFrame, "inferd", "std-frame", "tcp", few, 1. / 6, 1. / 9},
	{groupBurst, vsOnce, "inferd", "std", "", few, 0, 0},
	{groupStep, "step vs raw gnet, nine writes", "inferd", "gnet9", "", few, 1.5, 1.3},
	{groupStep2, "step vs net, a channel a request", "inferd", "std-chan", "", few, 1. / 3, 1. / 4},
	{groupReject, "refusal vs raw gnet, one line", "inferd", "gnet-reject", "", few, 1.3, 1.15},
	{groupDefault, "default settings vs raw gnet, one write", "inferd", "gnet", "", fits, 0, 0},
	{
		groupDefault, "default settings vs net + encoding/json, a flush a frame",
		"inferd", "std-frame", "", fits, 0, 0,
	},
}

// judge turns measurements into verdicts, in the order of the comparisons.
func judge(all []measurement) []verdict {
	var verdicts []verdict
	for _, c := range comparisons {
		for _, transport := range []string{"uds", "tcp"} {
			if c.transport != "" && c.transport != transport {
				continue
			}
			for _, conns := range c.conns {
				if v, ok := c.judge(all, transport, conns); ok {
					verdicts = append(verdicts, v)
				}
			}
		}
	}
	return verdicts
}

// judge pairs the runs of each round; drift between rounds cancels out.
func (c *comparison) judge(all []measurement, transport string, conns int) (verdict, bool) {
	doubt := false
	cost := func(server string) map[int]float64 {
		rounds := map[int]float64{}
		for _, m := range all {
			if m.Group == c.group && m.Transport == transport && m.Conns == conns &&
				m.Server == server {
				rounds[m.Round] = m.Result.Server.USPerRequest
				doubt = doubt || doubtful(m.Result)
			}
		}
		return rounds
	}
	ours, peer := cost(c.ours), cost(c.peer)
	var ratios, oursAll, peerAll []float64
	for round, us := range ours {
		if peer[round] > 0 {
			ratios = append(ratios, us/peer[round])
			oursAll, peerAll = append(oursAll, us), append(peerAll, peer[round])
		}
	}
	if len(ratios) == 0 {
		return verdict{}, false
	}
	return verdict{
		Group: c.group, What: c.what, Where: fmt.Sprintf("%s, %d conns", transport, conns),
		Ours: median(oursAll), Peer: median(peerAll), Unit: "us/request", Value: median(ratios),
		Must: c.must, Ambitious: c.ambitious, Doubtful: doubt,
	}, true
}

// median is the middle value, the lower one of two.
func median[T cmp.Ordered](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[(len(sorted)-1)/2]
}
