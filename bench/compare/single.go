package main

import (
	"context"
	"time"

	"inferd/bench/load"
)

// pace is the engine's time for a token in the runs of a single client.
const pace = 2 * time.Millisecond

// single measures what one client alone waits, next to a goroutine per
// connection that sleeps as long before each token: what the timer is late by
// is in both.
func (e *environment) single(ctx context.Context, o options) ([]verdict, error) {
	paced := [2]serverKind{stdPaced(pace), stdPaced(pace)}
	paced[0] = serverKind{Name: "inferd", args: func(int) []string {
		return inferdArgs(1, "--mock-token-delay", pace.String())
	}}
	results, err := e.alone(ctx, o, paced)
	if err != nil {
		return nil, err
	}
	var rows []verdict
	for _, row := range []struct {
		what   string
		figure func(*load.Result) float64
	}{
		{"first token, p50", func(r *load.Result) float64 { return r.TTFT.P50 }},
		{"token after token, p50", func(r *load.Result) float64 { return r.InterToken.P50 }},
		{"token after token, p99", func(r *load.Result) float64 { return r.InterToken.P99 }},
	} {
		ours, peer, beyond := paired(results, row.figure, difference)
		progress("single  %s: %.3f ms, std-frame %.3f ms", row.what, ours, peer)
		rows = append(rows, verdict{
			Group: groupSingle, Where: "uds, one client, a token each " + pace.String(),
			What: row.what + " (value: beyond net's, which sleeps the same time)",
			Ours: 1e3 * ours, Peer: 1e3 * peer, Unit: "us", Value: 1e3 * beyond,
		})
	}
	for _, undelayed := range []struct {
		engine string
		kind   serverKind
	}{{groupBurst, inferdBurst}, {groupStep, inferdStep}} {
		results, err := e.alone(ctx, o, [2]serverKind{undelayed.kind, stdFrame})
		if err != nil {
			return nil, err
		}
		ours, peer, ratio := paired(results, func(r *load.Result) float64 { return r.E2E.P50 }, quotient)
		progress("single  eight tokens without a delay, %s: %.3f ms, std-frame %.3f ms",
			undelayed.engine, ours, peer)
		rows = append(rows, verdict{
			Group: groupSingle, Where: "uds, one client, no delay, " + undelayed.engine,
			What: "whole answer of eight tokens, p50, vs net, a flush a frame",
			Ours: 1e3 * ours, Peer: 1e3 * peer, Unit: "us", Value: ratio,
		})
	}
	return rows, nil
}

// alone lets one client ask either server in turn.
func (e *environment) alone(
	ctx context.Context, o options, kinds [2]serverKind,
) ([2][]*load.Result, error) {
	servers, stop, err := e.startBoth(ctx, kinds, 1)
	if err != nil {
		return [2][]*load.Result{}, err
	}
	defer stop()
	return e.duel(ctx, o.rounds, servers, "--conns", "1",
		"--warmup", o.warmup.String(), "--duration", o.duration.String())
}

func stdPaced(delay time.Duration) serverKind {
	kind := stdFrame
	kind.delay = delay
	return kind
}
