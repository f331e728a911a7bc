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
// context ends it with the context's error; if the measurement had begun, the
// result of the time until then comes with the error and says Interrupted.
func Run(ctx context.Context, config Config) (*Result, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	g, err := newGenerator(&config)
	if err != nil {
		return nil, fmt.Errorf("load: %w", withHint(err))
	}
	defer g.net.shutdown()
	result, err := g.measure(ctx)
	if err != nil {
		return result, fmt.Errorf("load: %w", err)
	}
	return result, nil
}

var errNoServer = errors.New("the server's process cannot be read")

// sample is what is read at both ends of the measurement.
type sample struct {
	at     int64
	own    time.Duration
	waited waits // of the generator's thread
	server processTree
}

func (g *generator) sample() (sample, error) {
	s := sample{at: g.now(), own: ownTime(), waited: threadWaits()}
	if g.config.ServerPID == 0 {
		return s, nil
	}
	var err error
	s.server, err = readProcessTree(g.config.ServerPID)
	return s, err
}

// measure connects, warms up, measures and waits for the last answers.
func (g *generator) measure(ctx context.Context) (*Result, error) {
	var lastReport int64
	tick := func() {
		if now := g.now(); now-lastReport >= int64(progressInterval) {
			lastReport = now
			g.report()
		}
	}
	g.enter("connecting", 0)
	if err := g.connectAll(ctx, tick); err != nil {
		return nil, err
	}
	if g.config.Warmup > 0 {
		g.enter("warming up", g.config.Warmup)
		g.start(g.now())
		if err := g.run(ctx, g.now()+int64(g.config.Warmup), false, tick); err != nil {
			return nil, err
		}
	}
	before, err := g.sample()
	if err != nil {
		return nil, err
	}
	g.enter("measuring", g.config.Duration)
	g.beginMeasuring(before.at)
	stopped := g.run(ctx, before.at+int64(g.config.Duration), false, tick)
	if stopped != nil && ctx.Err() == nil {
		return nil, stopped
	}
	after, unread := g.sample()
	result := g.result(before, after, unread)
	g.endSchedule(after.at)
	if stopped == nil {
		stopped = g.drain(ctx, tick)
	}
	if stopped != nil && ctx.Err() == nil {
		return nil, stopped
	}
	result.Interrupted = stopped != nil
	g.finish(result)
	return result, stopped
}

// beginMeasuring counts from a time on. Without a warm-up the load starts only
// now, so that the first requests belong to the measurement.
func (g *generator) beginMeasuring(from int64) {
	if g.config.Warmup > 0 && g.config.openLoop() {
		g.arrive(from - 1) // the loop may have overslept
	}
	g.measuring, g.from = true, from
	g.counts.before = int64(g.inFlight + g.backlog.len())
	if g.config.Warmup == 0 {
		g.start(from)
	}
}

// endSchedule lets no more requests begin than were due by the time end.
func (g *generator) endSchedule(end int64) {
	if g.config.openLoop() {
		g.arrive(end) // the loop may have overslept
	}
	g.measuring, g.sending, g.until = false, false, end
}

// drain waits for the answers to what was due: their latencies belong to the
// measurement, however late they are.
func (g *generator) drain(ctx context.Context, tick func()) error {
	g.enter("draining", g.config.Drain)
	err := g.run(ctx, g.now()+int64(g.config.Drain), true, tick)
	if g.open == 0 && ctx.Err() == nil {
		return nil // a server that is gone answers no more; what it owes is counted
	}
	return err
}

// enter begins a phase that takes at most a known time; 0 is not known.
func (g *generator) enter(phase string, total time.Duration) {
	g.total.Phase, g.total.Total, g.phaseBegan = phase, total, g.now()
	g.report()
}

func (g *generator) report() {
	if g.config.Progress != nil {
		g.total.Elapsed = time.Duration(g.now() - g.phaseBegan)
		g.total.Conns, g.total.WantConns = g.open, g.config.Conns
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
