package load

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// Run carries out one run. The caller's goroutine is the generator. A cancelled
// context ends it with the context's error.
func Run(ctx context.Context, config Config) (*Result, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	g, err := newGenerator(&config)
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	defer g.net.shutdown()
	result, err := g.measure(ctx)
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	return result, nil
}

var errNoServer = errors.New("the server's process cannot be read")

// sample is what is read at both ends of the measurement.
type sample struct {
	at     int64
	own    time.Duration
	server time.Duration
}

func (g *generator) sample() (sample, error) {
	s := sample{at: g.now(), own: ownTime()}
	if g.config.ServerPID == 0 {
		return s, nil
	}
	var err error
	s.server, err = processTime(g.config.ServerPID)
	return s, err
}

// measure connects, warms up, measures and waits for the last answers.
func (g *generator) measure(ctx context.Context) (*Result, error) {
	g.total.Phase = "connecting"
	g.total.Total = g.config.Warmup + g.config.Duration
	g.report()
	if err := g.connectAll(ctx); err != nil {
		return nil, err
	}
	g.total.Phase = "warming up"
	started := g.now()
	var lastReport int64
	tick := func() {
		if now := g.now(); now-lastReport >= int64(progressInterval) {
			lastReport = now
			g.total.Elapsed = time.Duration(now - started)
			g.report()
		}
	}
	g.start()
	if err := g.run(ctx, g.now()+int64(g.config.Warmup), false, tick); err != nil {
		return nil, err
	}
	before, err := g.sample()
	if err != nil {
		return nil, err
	}
	g.total.Phase, g.measuring, g.from = "measuring", true, before.at
	if err := g.run(ctx, before.at+int64(g.config.Duration), false, tick); err != nil {
		return nil, err
	}
	after, err := g.sample()
	if err != nil {
		return nil, err
	}
	result := g.result(before, after)
	if g.config.ServerPID != 0 {
		if result.Server.RSSBytes, err = processMemory(g.config.ServerPID); err != nil {
			return nil, err
		}
	}
	if err := g.drain(ctx, after.at, tick); err != nil {
		return nil, err
	}
	g.finish(result)
	return result, nil
}

// drain ends the schedule and waits for the answers to what was due: their
// latencies belong to the measurement, however late they are.
func (g *generator) drain(ctx context.Context, end int64, tick func()) error {
	if g.config.openLoop() {
		g.arrive(end) // the loop may have overslept
	}
	g.total.Phase, g.measuring, g.sending, g.until = "draining", false, false, end
	err := g.run(ctx, g.now()+int64(g.config.Drain), true, tick)
	if g.open == 0 {
		return nil // a server that is gone answers no more; what it owes is counted
	}
	return err
}

func (g *generator) report() {
	if g.config.Progress != nil {
		g.total.Conns = g.open
		g.config.Progress(g.total)
	}
}

// ownTime is the processor time this process has used.
func ownTime() time.Duration {
	var usage unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
