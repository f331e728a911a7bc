package main

import (
	"context"
	"fmt"
	"strconv"

	"inferd/bench/load"
)

var inferdSlow = serverKind{Name: "inferd", metrics: true, args: func(int) []string {
	return []string{
		"--backend", "mock", "--mock-tokens", "8", "--mock-token-delay", "1ms",
		"--active-permits", "8", "--queue-depth", "16",
	}
}}

// overload offers ten times what the daemon can do and compares what it still
// gets done with its peak. How long a refusal takes is told by both sides: the
// client's time has the generator's and both sockets' queues in it.
func (e *environment) overload(ctx context.Context, o options) ([]verdict, error) {
	s, err := e.startServer(ctx, inferdSlow, false, 0, e.serverCore)
	if err != nil {
		return nil, err
	}
	defer s.stop()
	run := func(args ...string) (*load.Result, error) {
		results, err := e.generate(ctx, s, e.clientCore, append(args,
			"--warmup", o.warmup.String(), "--duration", o.duration.String())...)
		if err != nil {
			return nil, err
		}
		return results[0], nil
	}
	var rounds [2][]*load.Result // at 10x, at the peak
	before, err := s.scrape(ctx)
	if err != nil {
		return nil, err
	}
	for range o.rounds {
		peak, err := run("--conns", "24") // as many as fit: none is refused
		if err != nil {
			return nil, err
		}
		over, err := run("--conns", "1000", "--rate", strconv.FormatFloat(10*peak.RPS, 'f', 0, 64))
		if err != nil {
			return nil, err
		}
		progress("overload  peak %.0f/s, at 10x %.0f/s and %d refused, p99 of a refusal %.2f ms",
			peak.RPS, over.RPS, over.Rejected, over.Reject.P99)
		rounds[0], rounds[1] = append(rounds[0], over), append(rounds[1], peak)
	}
	after, err := s.scrape(ctx)
	if err != nil {
		return nil, err
	}
	over, peak, ratio := paired(rounds, func(r *load.Result) float64 { return r.RPS }, quotient)
	where := fmt.Sprintf("uds, %.0f/s offered", 10*peak)
	refusals, err := refusalTimes(where, rounds[0], after.since(before))
	return append([]verdict{{
		Group: groupOverload, What: "answers at 10x overload vs peak", Where: where,
		Ours: over, Peer: peak, Unit: "answers/s", Value: ratio, Must: 0.95, AtLeast: true,
	}}, refusals...), err
}

// refusalTimes are the rows of both sides' p50 and p99.
func refusalTimes(where string, clients []*load.Result, server series) ([]verdict, error) {
	var rows []verdict
	for _, q := range []struct {
		name   string
		q      float64
		client func(*load.Result) float64
	}{
		{"p50", 0.50, func(r *load.Result) float64 { return r.Reject.P50 }},
		{"p99", 0.99, func(r *load.Result) float64 { return r.Reject.P99 }},
	} {
		bound, err := server.quantile(rejectSeconds, q.q)
		if err != nil {
			return nil, err
		}
		var seen []float64
		for _, r := range clients {
			seen = append(seen, q.client(r))
		}
		rows = append(rows, verdict{
			Group: groupOverload, Where: where, Ours: bound * 1e3, Unit: "ms", Value: bound * 1e3,
			What: q.name + " of a refusal at 10x overload, in the server (its bucket's upper bound)",
		}, verdict{
			Group: groupOverload, Where: where, Ours: median(seen), Unit: "ms", Value: median(seen),
			What: q.name + " of a refusal at 10x overload, as the client sees it",
		})
	}
	return rows, nil
}
