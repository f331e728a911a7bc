package daemon

import (
	"context"
	"os"
	"time"

	"inferd/internal/admin"
	"inferd/internal/sdnotify"
)

// shutdown drains: no new connections, no new requests, the admitted ones
// finish within the drain timeout or until a second signal, and what is left
// then is cut, with an error frame.
func (d *Daemon) shutdown(why string, signals <-chan os.Signal) {
	cfg := d.cfg.Load()
	gate := d.service.Gate()
	active, queued := gate.Load()
	d.log.Info("shutdown signalled", "signal", why, "active", active, "queued", queued)
	deadline, cancel := context.WithTimeout(context.Background(), cfg.DrainTimeout)
	defer cancel()
	if d.shared {
		// Whoever stands at a socket that outlives the daemon hears nothing of its end:
		// those who have just been taken in are still answered.
		d.server.CloseListeners()
		time.Sleep(lastAskTime)
	}
	// Who is told of the drain must find it true: nothing is let in any more.
	gate.Close()
	d.server.CloseListeners()
	d.status.Publish(admin.Draining())
	_ = sdnotify.Stopping("draining")
	left := flushTimeout
	if d.awaitIdle(deadline, signals) {
		until, _ := deadline.Deadline()
		left = max(left, time.Until(until))
	} else {
		d.cut()
	}
	d.endServer(left, signals)
	if !endsWithin(stopTimeout, d.service.Stop) {
		d.log.Warn("an engine ignores its cancellation; leaving it")
	}
}

// abandon ends what an event loop that stands still has left of the daemon. There
// is no drain, for the loop's connections would never finish; whoever is on
// another loop is told so. The loop may hold the lock of any connection, so
// nothing here is waited for without a limit.
func (d *Daemon) abandon() {
	d.service.Gate().Close()
	d.status.Publish(admin.Draining())
	_ = sdnotify.Stopping("failed")
	ended := endsWithin(abandonTimeout, func() {
		d.cut()
		d.endServer(flushTimeout, nil)
	})
	if !ended {
		d.log.Warn("not everything could be ended; leaving it")
	}
}

// cut ends what the drain has not finished. Whoever still reads is told so. An engine
// that does not hear of its requests' end hears of its own: the end of a worker
// process is one of its requests, too. What takes longer is not waited for.
func (d *Daemon) cut() {
	gate := d.service.Gate()
	active, queued := gate.Load()
	if active+queued == 0 {
		return
	}
	d.log.Warn("drain cut", "active", active, "queued", queued)
	d.act.DrainCut(active, queued)
	d.metrics.DrainCut(active + queued)
	d.service.Cut(d.server.Conns())
	idle := func() { <-gate.Idle() }
	if !endsWithin(flushTimeout, idle) {
		d.stopEngines()
		endsWithin(flushTimeout, idle)
	}
}

// endServer lets connections take what is left for them within limit, or until a second
// signal, as long as they take some of it each flushTimeout. It closes them and ends the
// event loops, if they can be ended.
func (d *Daemon) endServer(limit time.Duration, signals <-chan os.Signal) {
	flush, stop := context.WithTimeout(context.Background(), limit)
	defer stop()
	go func() {
		select {
		case s := <-signals:
			d.log.Warn("second signal: not waiting any longer", "signal", s.String())
			stop()
		case <-flush.Done():
		}
	}()
	ended := endsWithin(limit+stopTimeout, func() {
		if n := d.server.Shutdown(flush, flushTimeout); n > 0 {
			d.log.Warn("connections cut", "connections", n)
		}
	})
	if !ended {
		d.log.Warn("the event loops do not end; leaving them")
	}
}

// awaitIdle waits for the last admitted request.
func (d *Daemon) awaitIdle(ctx context.Context, signals <-chan os.Signal) bool {
	for {
		select {
		case <-d.service.Gate().Idle():
			return true
		case <-ctx.Done():
			return false
		case s := <-signals:
			d.log.Warn("second signal: not waiting any longer", "signal", s.String())
			return false
		}
	}
}

// endsWithin calls f and waits for it, but not longer than limit: what ignores its
// end must not keep the process. It reports whether f ended.
func endsWithin(limit time.Duration, f func()) bool {
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		return false
	}
}
