package main

import (
	"context"
	"fmt"
	"time"
)

// allocRun is a load during which the daemon's allocations are counted.
type allocRun struct {
	what   string
	kind   serverKind
	tcp    bool
	series string // what an allocation is put in relation to
	span   time.Duration
}

var allocRuns = []allocRun{
	{"allocations per streamed token, burst", inferdBurst, false, tokensSeries, allocSpanTokens},
	{"allocations per refused request", inferdFull, false, refusedSeries, allocSpanRefused},
	// not with --short:
	{"allocations per streamed token, burst", inferdBurst, true, tokensSeries, allocSpanTokens},
	{"allocations per streamed token, step", inferdStep, false, tokensSeries, allocSpanTokens},
	{"allocations per streamed token, step", inferdStep, true, tokensSeries, allocSpanTokens},
	{"allocations per refused request", inferdFull, true, refusedSeries, allocSpanRefused},
}

// allocRunsShort are as many of them as --short leaves.
const allocRunsShort = 2

// allocConns are the clients of these runs.
const allocConns = 64

// allocations counts with the Go runtime's own counter what the daemon's process
// allocates under a steady load, whatever for.
func (e *environment) allocations(ctx context.Context, o options) ([]verdict, error) {
	var verdicts []verdict
	var scrapes []float64
	runs := allocRuns
	if o.short {
		runs = runs[:allocRunsShort]
	}
	for _, run := range runs {
		grown, scrape, err := e.allocsOf(ctx, run)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", run.what, err)
		}
		if grown[run.series] == 0 {
			return nil, fmt.Errorf("%s: %s did not grow", run.what, run.series)
		}
		value := grown[mallocsSeries] / grown[run.series]
		where := fmt.Sprintf("%s, %d conns", transportName(run.tcp), allocConns)
		progress("allocs  %s, %s: %.0f in %.0f, %.0f of them a scrape's", run.what, where,
			grown[mallocsSeries], grown[run.series], scrape)
		scrapes = append(scrapes, scrape)
		verdicts = append(verdicts, verdict{
			Group: groupAllocs, What: run.what, Where: where,
			Ours: grown[mallocsSeries], Unit: "allocations", Value: value, Must: 0.01,
		})
	}
	e.note("allocs: all that the daemon's process allocated between two scrapes of its metrics under"+
		" load, for %v of tokens or %v of refusals. The scrape itself is among it and makes %.0f"+
		" allocations on an idle daemon; nearly all of the rest is gnet's poller, which makes its"+
		" list of events anew when the number that come at once changes much. That a token and a"+
		" refusal allocate nothing is asserted by the tests that have Alloc in their names.",
		allocSpanTokens, allocSpanRefused, median(scrapes))
	return verdicts, nil
}

// allocsOf gives what the series grew by under load, and the allocations of a
// scrape without any.
func (e *environment) allocsOf(
	ctx context.Context, run allocRun,
) (grown series, scrape float64, err error) {
	run.kind.metrics = true
	s, err := e.startServer(ctx, run.kind, run.tcp, allocConns, e.serverCore)
	if err != nil {
		return nil, 0, err
	}
	defer s.stop()
	if _, err = s.growth(ctx, 0); err != nil { // the first is dearer
		return nil, 0, err
	}
	idle, err := s.growth(ctx, 0)
	if err != nil {
		return nil, 0, err
	}
	ended := make(chan error, 1)
	go func() {
		_, err := e.generate(ctx, s, e.clientCore, "--conns", fmt.Sprint(allocConns), "--warmup", "0",
			"--duration", (2*allocSettle + run.span).String())
		ended <- err
	}()
	time.Sleep(allocSettle) // pools and maps grow to their size
	grown, err = s.growth(ctx, run.span)
	if failed := <-ended; err == nil {
		err = failed
	}
	return grown, idle[mallocsSeries], err
}

// growth scrapes twice.
func (s *server) growth(ctx context.Context, span time.Duration) (series, error) {
	before, err := s.scrape(ctx)
	if err != nil {
		return nil, err
	}
	time.Sleep(span)
	after, err := s.scrape(ctx)
	return after.since(before), err
}
