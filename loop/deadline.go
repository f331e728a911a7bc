package loop

import (
	"time"
)

// epoch is where Nanotime counts from; only differences mean anything.
var epoch = time.Now()

// Nanotime is a monotonic clock in nanoseconds, cheaper than time.Now: it reads
// no wall clock, so nothing here notices when that one jumps.
func Nanotime() int64 { return int64(time.Since(epoch)) + 1 }

func (lp *eventLoop) now() int64 { return Nanotime() }

// watch puts the connection on the loop's list of deadlines if any runs for it,
// and takes it off if none does. Most connections most of the time have none
// (unless there is an idle timeout), so a tick costs next to nothing.
func (lp *eventLoop) watch(c *Conn) {
	t := lp.srv.timeouts.Load()
	// Who is not read cannot finish its line.
	unread := c.place == starved || c.place == returning || c.putOff
	unfinished := c.in != nil && !c.busy && c.pend == nil && !unread
	switch {
	case !unfinished:
		c.lineAt = 0
	case c.lineAt == 0:
		c.lineAt = lp.now()
	}
	idle := t.Idle > 0 && !c.busy && c.pend == nil && c.in == nil && !c.closing
	switch {
	case !idle:
		c.idleAt = 0
	case c.idleAt == 0:
		c.idleAt = lp.now()
	}
	if !c.authed || c.place == starved || c.stalledAt != 0 || c.lineAt != 0 || c.idleAt != 0 {
		lp.watchList(c)
		return
	}
	lp.unwatch(c)
}

func (lp *eventLoop) watchList(c *Conn) {
	if c.watched {
		return
	}
	c.watched = true
	c.prev, c.next = nil, lp.watching
	if lp.watching != nil {
		lp.watching.prev = c
	}
	lp.watching = c
	if lp.watchCount.Inc() == 1 {
		lp.srv.clock.start()
	}
}

func (lp *eventLoop) unwatch(c *Conn) {
	if !c.watched {
		return
	}
	c.watched = false
	if c.prev != nil {
		c.prev.next = c.next
	} else {
		lp.watching = c.next
	}
	if c.next != nil {
		c.next.prev = c.prev
	}
	c.prev, c.next = nil, nil
	lp.watchCount.Dec()
}

// expire closes the connections whose deadline has passed. If it comes late the
// loop, or the whole process, stood still, and what clients have sent in time may
// not have been read yet: their input is not missed before the next tick.
func (lp *eventLoop) expire() {
	lp.expiring.Store(false)
	now, t := lp.now(), lp.srv.timeouts.Load()
	lenient := !lp.lenient && now-lp.expiredAt > lateTicks*int64(t.tick())
	lp.lenient, lp.expiredAt = lenient, now
	for c := lp.watching; c != nil; {
		next := c.next // c may leave the list
		why, late := c.overdue(now, t)
		if late && !(lenient && why.missesInput()) && !(why == ReasonSlowReader && lp.stillTakes(c)) {
			if lp.srv.stopping.Load() && !c.lingering {
				lp.srv.cut.Inc()
				why = ReasonShutdown
			}
			lp.bury(c, why)
		} else if c.place == starved {
			c.place = parked
			c.signal(0) // try again, see balance and shut
		}
		c = next
	}
}

// startAgain lets a connection settle at the beginning of a shutdown, whose deadlines
// begin now.
func (lp *eventLoop) startAgain(c *Conn) {
	if c.stalledAt != 0 && !c.lingering {
		c.stalledAt = lp.now()
	}
	c.lineAt = 0
	lp.settle(c)
}

// stillTakes writes once more before a reader is given up. A Unix socket is
// reported as writable only when most of its buffer is free, but takes output as
// soon as some of it is: a slow reader is known by that much earlier.
func (lp *eventLoop) stillTakes(c *Conn) bool {
	since := c.stalledAt
	lp.flush(c, nil)
	if c.dead || c.stalledAt == since {
		return c.dead
	}
	c.signal(0) // for what follows from the room: see serve
	return true
}

// overdue says which deadline of c has passed, if any.
func (c *Conn) overdue(now int64, t *Timeouts) (Reason, bool) {
	past := func(since int64, d time.Duration) bool {
		return since != 0 && d > 0 && now-since >= int64(d)
	}
	if c.stalledAt != 0 && !c.lingering {
		if past(c.stalledAt, t.Write) {
			return ReasonSlowReader, true
		}
		if past(c.stalledAt, t.Stall) && c.workerWaits() {
			return ReasonSlowReader, true
		}
	}
	switch {
	case c.lingering && past(c.stalledAt, lingerTimeout):
		return c.reason, true
	case !c.authed && past(c.opened, t.Auth):
		return ReasonAuth, true
	case past(c.lineAt, t.Line):
		return ReasonLine, true
	case past(c.idleAt, t.Idle):
		return ReasonIdle, true
	}
	return 0, false
}

// workerWaits says whether a worker waits for room in the outbox.
func (c *Conn) workerWaits() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.room != nil
}

// clock makes the loops look at their deadlines. It sleeps while no loop has
// any: an idle daemon wakes nobody.
type clock struct {
	srv  *Server
	wake chan struct{} // capacity 1
	quit chan struct{}
}

func newClock(s *Server) *clock {
	return &clock{srv: s, wake: make(chan struct{}, 1), quit: make(chan struct{})}
}

// start makes the clock tick if it sleeps; any goroutine may call it.
func (k *clock) start() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

func (k *clock) run() {
	for {
		select {
		case <-k.wake:
		case <-k.quit:
			return
		}
		for k.srv.watched() {
			select {
			case <-time.After(k.srv.timeouts.Load().tick()):
			case <-k.quit:
				return
			}
			for _, lp := range k.srv.loops {
				if lp.watchCount.Load() > 0 && lp.expiring.CompareAndSwap(false, true) {
					lp.do(lp.expire)
				}
			}
		}
	}
}
