package main

import (
	"context"

	"inferd/bench/load"
)

// duel puts the same load on two running servers in turn, every other round in
// the opposite order. The one that is not loaded must not do anything.
func (e *environment) duel(
	ctx context.Context, rounds int, servers [2]*server, args ...string,
) (results [2][]*load.Result, err error) {
	for round := range rounds {
		for turn := range servers {
			i := (round + turn) % 2
			r, err := e.generate(ctx, servers[i], e.clientCore, args...)
			if err != nil {
				return results, err
			}
			results[i] = append(results[i], r[0])
		}
	}
	return results, nil
}

// startBoth starts the two servers of a duel on the same core.
func (e *environment) startBoth(
	ctx context.Context, kinds [2]serverKind, conns int,
) (servers [2]*server, stop func(), err error) {
	stop = func() {
		for _, s := range servers {
			if s != nil {
				s.stop()
			}
		}
	}
	for i, kind := range kinds {
		if servers[i], err = e.startServer(ctx, kind, false, conns, e.serverCore); err != nil {
			stop()
			return servers, nil, err
		}
	}
	return servers, stop, nil
}

// paired gives the middle of a figure of either side and of what is made of both
// in each round.
func paired(
	results [2][]*load.Result, figure func(*load.Result) float64, of func(a, b float64) float64,
) (ours, peer, value float64) {
	var all [3][]float64
	for round := range results[0] {
		a, b := figure(results[0][round]), figure(results[1][round])
		all[0], all[1], all[2] = append(all[0], a), append(all[1], b), append(all[2], of(a, b))
	}
	return median(all[0]), median(all[1]), median(all[2])
}

func quotient(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

func difference(a, b float64) float64 { return a - b }
