package loop

import (
	"runtime"
	"sync"

	"github.com/panjf2000/gnet/v2"
	"go.uber.org/atomic"
	"golang.org/x/sys/unix"
)

// eventLoop is what this package adds to one of gnet's loops: the dirty list
// and the descriptor that wakes the loop to look at it.
type eventLoop struct {
	// immutable
	srv    *Server
	el     gnet.EventLoop
	wakeFD int // writing to it wakes the loop, see wake

	// owned by the loop
	reply []byte // immediate answers, collected
	reads int    // since the loop last let others run; see breathe
	// when the round of reading began in which a line has become a task, 0 in any
	// other: the lines of a round, which were there before it, share one look at the
	// clock. The loop comes by before it sleeps then, see line, so it is never old.
	roundAt   int64
	handy     []*buffer // empty, for the answers to come; see lend
	stepping  int       // batches for which engines are taken to step, see gather
	watching  *Conn     // connections with a deadline
	spare     int       // a descriptor, see keepSpare; -1: there is none
	expiredAt int64     // when expire last ran
	lenient   bool      // … and spared those whose input was missed

	// atomic
	dirty      atomic.Pointer[Conn] // newest first; see push and drain
	awake      atomic.Bool          // the loop looks at the list before it sleeps
	watchCount atomic.Int64
	expiring   atomic.Bool   // expire has been asked for
	connCount  atomic.Int64  // connections, those on their way to the loop included
	rounds     atomic.Uint64 // of breatheReads reads each
	turned     atomic.Bool   // since Server.Alive last asked

	mu sync.Mutex
	// guarded by mu
	calls []func() // to run on the loop
	ended bool     // wakeFD is closed
}

// push puts c on the dirty list; the caller has just set c.queued, which makes
// it the one owner of c.link. Only the push that finds the list empty has to see
// to it that the loop looks.
func (lp *eventLoop) push(c *Conn) {
	for {
		head := lp.dirty.Load()
		c.link = head
		if !lp.dirty.CompareAndSwap(head, c) {
			continue
		}
		if head == nil {
			lp.rouse()
		}
		return
	}
}

// contained runs f and tells of its panic; the loop lives.
func (lp *eventLoop) contained(f func()) {
	defer func() {
		if r := recover(); r != nil {
			lp.srv.opt.OnPanic(r)
		}
	}()
	f()
}

// do runs f on the loop, soon, unless that has ended.
func (lp *eventLoop) do(f func()) {
	lp.mu.Lock()
	defer lp.mu.Unlock()
	if lp.ended {
		return
	}
	lp.calls = append(lp.calls, f)
	lp.wake()
}

// end closes the loop's descriptors when gnet's loop has ended and no connection is
// left that a worker could push.
func (lp *eventLoop) end() {
	lp.mu.Lock()
	defer lp.mu.Unlock()
	lp.ended, lp.calls = true, nil
	_ = unix.Close(lp.wakeFD)
	if lp.spare >= 0 {
		_ = unix.Close(lp.spare)
	}
}

// turn is what the loop does when woken.
func (lp *eventLoop) turn() {
	lp.mu.Lock()
	calls := lp.calls
	lp.calls = nil
	lp.mu.Unlock()
	for _, f := range calls {
		lp.contained(f)
	}
	for i := 0; i < startTurns && lp.dirty.Load() == nil; i++ {
		runtime.Gosched()
	}
	lp.drain()
	lp.roundAt = 0
}

// rouse makes the loop come by, unless it is about to.
func (lp *eventLoop) rouse() {
	if !lp.awake.Load() && lp.awake.CompareAndSwap(false, true) {
		lp.wake()
	}
}

// drain serves the dirty connections in the order in which they became dirty.
// While it runs, pushes need not wake the loop: it looks again at the end, after
// having said that it no longer will (awake), so that a push either sees that or
// is seen. After a few rounds it wakes itself instead, for other sockets' sake.
func (lp *eventLoop) drain() {
	lp.awake.Store(true)
	for round := 0; ; round++ {
		c := lp.gather()
		for c != nil {
			next := c.link
			c.link = nil
			lp.serve(c)
			c = next
		}
		if round >= drainRounds {
			lp.awake.Store(false)
			if lp.dirty.Load() != nil {
				lp.rouse()
			}
			return
		}
		if lp.dirty.Load() != nil {
			continue
		}
		lp.awake.Store(false)
		if lp.dirty.Load() == nil {
			return
		}
		lp.awake.Store(true)
	}
}

// breathe interrupts a long round of reading: after breatheReads of them it lets
// the workers run and writes what they have. Otherwise, with a thousand clients
// at once, the loop would read from all before it wrote to the first, and every
// socket, buffer and request would have left the processor's cache in between.
func (lp *eventLoop) breathe() {
	if lp.reads++; lp.reads < breatheReads {
		return
	}
	lp.reads = 0
	lp.rounds.Inc()
	runtime.Gosched()
	if lp.dirty.Load() != nil {
		lp.drain()
	}
	lp.roundAt = 0
}

// gather takes the dirty list, oldest first. If it is long, engines step through
// many streams at once: workers get a few more turns first, so that each of the
// writes to come, which cost ten times as much as a step, carries a few frames.
// Where nothing is ready to run nobody waits. Engines that give an answer in one go
// have nothing to gain: if none was found unfinished for a while there are no turns.
func (lp *eventLoop) gather() *Conn {
	var head *Conn
	n := 0
	for c := lp.dirty.Swap(nil); c != nil; n++ {
		next := c.link
		c.link = head
		head, c = c, next
	}
	if n >= gatherFrom && lp.stepping > 0 {
		lp.stepping--
		for range gatherTurns {
			runtime.Gosched()
		}
	}
	return head
}

// serve looks at what workers and the poller left at one connection.
func (lp *eventLoop) serve(c *Conn) {
	defer func() {
		if r := recover(); r != nil {
			lp.panicked(c, r)
		}
	}()
	c.mu.Lock()
	out, ev := c.out, c.events
	c.out, c.events, c.queued = nil, 0, false
	var spent Task
	if c.spent {
		spent, c.task, c.spent = c.task, nil, false
	}
	if c.room != nil {
		c.backlogSeen = -1 // a worker waits: settle tells it of room in any case
	}
	if c.task != nil {
		c.out = lp.lend()
		lp.stepping = steppingBatches
	}
	c.mu.Unlock()
	if spent != nil {
		c.lane.Recycle(spent)
	}
	if c.dead {
		recycle(&framePool, out)
		return
	}
	if ev&evWritable != 0 {
		c.armed = false
	}
	if ev&evHangup != 0 {
		recycle(&framePool, out)
		lp.bury(c, ReasonHangup)
		return
	}
	lp.flush(c, out)
	if ev&evFinished != 0 {
		c.busy = false
		if ev&evClose != 0 {
			lp.closeAfter(c, ReasonFault)
		}
	}
	if c.putOff = false; c.in != nil {
		lp.consumeStashed(c)
	}
	lp.settle(c)
}

// panicked ends the connection whose handling panicked with r; the loop lives.
func (lp *eventLoop) panicked(c *Conn, r any) {
	lp.srv.opt.OnPanic(r)
	before := lp.reply // answers to the lines before the one that panicked
	lp.reply = nil
	if !c.dead && !c.busy {
		lp.send(c, lp.fault(c, FaultPanic, before))
	}
	lp.bury(c, ReasonInternal)
}
