package main

import (
	"context"
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"

	"inferd/bench/load"
)

// crowd measures streams beside many idle connections against the same streams
// without them, on two daemons in turn, and what an idle connection costs.
func (e *environment) crowd(ctx context.Context, o options) ([]verdict, error) {
	idle, streams := crowdIdle, crowdStreams
	if o.short {
		idle, streams = crowdIdleShort, crowdStreamsShort
	}
	switch room := idleRoom(descriptorLimit(), streams); {
	case room < min(idle, crowdIdleShort):
		e.note("crowd: skipped: the descriptor limit is %d; raise it with ulimit -n", descriptorLimit())
		return nil, nil
	case room < idle:
		e.note("crowd: %d idle connections, not %d: the descriptor limit is %d (ulimit -n)",
			room, idle, descriptorLimit())
		idle = room
	}
	where := fmt.Sprintf("uds, %d idle, %d streams", idle, streams)
	stepping, bytes, err := e.crowdOf(ctx, o, inferdStep, idle, streams, 1)
	if err != nil {
		return nil, err
	}
	progress("crowd   %.0f bytes an idle connection of %d", bytes, idle)
	// An idle connection's one request takes a while here: many at a time.
	paced, _, err := e.crowdOf(ctx, o, inferdPaced, idle, streams, crowdBatch)
	if err != nil {
		return nil, err
	}
	cost := func(r *load.Result) float64 { return r.Server.USPerFrame }
	gap := func(r *load.Result) float64 { return r.InterToken.P99 }
	return []verdict{
		{
			Group: groupCrowd, What: "memory of an idle connection", Where: where,
			Ours: bytes, Unit: "bytes", Value: bytes, Must: 1536, Ambitious: 1024,
		},
		crowdRow("CPU per frame, step", where, "us/frame", stepping, cost),
		crowdRow("p99 between two tokens, step", where, "ms", stepping, gap),
		crowdRow("CPU per frame, a token each 20ms", where, "us/frame", paced, cost),
		crowdRow("p99 between two tokens, a token each 20ms", where, "ms", paced, gap),
	}, nil
}

// crowdRow compares a figure of the streams with and without the crowd.
func crowdRow(
	what, where, unit string, results [2][]*load.Result, figure func(*load.Result) float64,
) verdict {
	ours, peer, ratio := paired(results, figure, quotient)
	progress("crowd   %s: %.3f %s, without the idle ones %.3f", what, ours, unit, peer)
	return verdict{
		Group: groupCrowd, What: what + ", vs without the idle ones", Where: where,
		Ours: ours, Peer: peer, Unit: unit, Value: ratio,
	}
}

// crowdOf runs the streams beside idle connections and without them, and tells
// what an idle one takes of memory.
func (e *environment) crowdOf(
	ctx context.Context, o options, kind serverKind, idle, streams, batch int,
) (results [2][]*load.Result, bytes float64, err error) {
	servers, stop, err := e.startBoth(ctx, [2]serverKind{kind, kind}, streams)
	if err != nil {
		return results, 0, err
	}
	defer stop()
	held, bytes, err := servers[0].holdIdle(idle, batch)
	defer closeAll(held)
	if err != nil {
		return results, 0, err
	}
	results, err = e.duel(ctx, o.rounds, servers, "--conns", strconv.Itoa(streams),
		"--warmup", o.warmup.String(), "--duration", o.duration.String())
	return results, bytes, err
}

// idleRoom is how many idle connections a process may hold besides the streams
// and what a daemon keeps for itself.
func idleRoom(limit uint64, streams int) int {
	return max(0, int(min(limit, maxDescriptors))-streams-keptDescriptors)
}

// descriptorLimit is that of this process and the daemon: Go raises the soft
// limit to the hard one.
func descriptorLimit() uint64 {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil {
		return keptDescriptors
	}
	return limit.Max
}
