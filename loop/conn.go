package loop

import (
	"errors"
	"sync"

	"github.com/panjf2000/gnet/v2"
	"go.uber.org/atomic"
)

// ErrClosed is what a worker gets for writing to a connection that has ended:
// nobody waits for the answer any more.
var ErrClosed = errors.New("connection closed")

// ErrFull is what TryWrite returns instead of waiting for room.
var ErrFull = errors.New("outbox full")

// Conn is one client's connection.
//
// It is born on the acceptor's goroutine, given to an event loop, and belongs to
// that loop until it is dead. Workers reach it only through Write, TryWrite, Finish
// and the accessors. The loop reads it through gnet while it is attached; it is
// detached, its descriptor duplicated and gnet's closed, when the client has
// shut down its writing side and still waits for answers, or while it is parked
// because it sends faster than it is answered.
type Conn struct {
	// immutable
	*seat
	id     uint64
	tag    any
	opened int64 // nanotime

	// owned by the loop: the socket
	g gnet.Conn // nil while detached; see also fd

	in *stash // owned by the loop: input not yet consumed; nil if there is none

	// owned by the loop: output that the socket did not take, pend.B[sent:]
	pend        *buffer
	sent        int
	backlogSeen int // what workers were last told of it
	charged     int // what of it counts as unread, see charge

	// owned by the loop: deadlines (nanotime; 0 = not running) and the links of
	// the loop's list of connections that have any
	stalledAt, lineAt, idleAt int64
	prev, next                *Conn

	// owned by the loop: state
	fd        int32  // the socket's descriptor; -1 before a loop has it and when dead
	attempt   uint16 // tells the way back that a returning connection is on from earlier ones
	place     place
	taken     bool // a loop has it, or has had it
	busy      bool // a task or a decoder has the connection: no line is consumed
	putOff    bool // its next lines are consumed when the loop comes by, see allowance
	keyed     bool // a line was taken for the key
	authed    bool // … and is the key, or none is wanted
	closing   bool // nothing more is consumed; closes when flushed
	lastCall  bool // at a shutdown: what it sends is read once more
	lingering bool // all is sent, the writing side shut, at stalledAt; reads until EOF
	polled    bool // the poller knows fd
	armed     bool // … and will report it once
	forWrite  bool // … also when it is writable
	watched   bool // is in the loop's list of deadlines
	dead      bool
	reason    Reason // why it closes, once closing

	// link in the loop's dirty list; owned by whoever set queued, then the loop
	link *Conn

	mu sync.Mutex
	// guarded by mu
	out     *buffer       // frames not yet taken by the loop
	backlog int           // bytes the loop has taken and the socket has not
	room    chan struct{} // closed when there is room in the outbox again
	task    Task
	spent   bool // the task has ended; the loop gives it back to its lane
	events  event
	queued  bool // is in the dirty list
	closed  bool

	index int32 // in Server.conns; guarded by Server.mu

	// atomic; written by whoever reads or writes for the connection
	lines, bytesIn, bytesOut atomic.Uint64
}

// seat is what the connections of one listener on one loop have in common, so that
// each of many thousands holds one pointer for it.
type seat struct {
	lp        *eventLoop
	ln        *Listener
	maxOutput int  // Options.MaxOutputBytes, which every token looks at
	lane      Lane // owned by the loop
}

// place is who reads from a connection's socket.
type place uint8

const (
	inGnet     place = iota // gnet, or will as soon as a loop has it
	parked                  // nobody: it sends ahead of its answers
	starved                 // … and for want of descriptors it cannot go back yet
	returning               // … and is on its way back to gnet
	halfClosed              // nobody: the client sends no more
)

// event tells the loop what to look at when it comes by.
type event uint8

const (
	evFinished event = 1 << iota // the task is done: the next line may be consumed
	evClose                      // … but there is none: close when flushed
	evWritable                   // the poller: the full socket takes output again
	evHangup                     // the poller: the client is gone
)

// ID is unique in this process.
func (c *Conn) ID() uint64 { return c.id }

// Tag is what Handler.Accept returned.
func (c *Conn) Tag() any { return c.tag }

// OpenedAt is when the connection was accepted, on the clock of Nanotime.
func (c *Conn) OpenedAt() int64 { return c.opened }

// Bytes counts what was read and what was written.
func (c *Conn) Bytes() (in, out uint64) { return c.bytesIn.Load(), c.bytesOut.Load() }

// Lines counts those that a Lane was given: answered or taken on.
func (c *Conn) Lines() uint64 { return c.lines.Load() }

// KeyGiven says whether a line was taken for the API key. It is for Handler.Closed.
func (c *Conn) KeyGiven() bool { return c.keyed }

// Reason says why the connection has ended; for who has learnt from Attach that it has.
func (c *Conn) Reason() Reason { return c.reason }

// Pending is the output that the client has not taken, in bytes.
func (c *Conn) Pending() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.unsent()
}

// unsent is Pending with mu held.
func (c *Conn) unsent() int {
	if c.out == nil {
		return c.backlog
	}
	return c.backlog + len(c.out.B)
}

// Attach makes t the task that the connection is busy with and starts it; a
// Lane calls it before it answers Busy. It reports false when the client is gone
// already: the task was not started.
func (c *Conn) Attach(t Task) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.task = t
	if !c.busy { // on the loop, that is: no decoder has the connection
		c.out = c.lp.lend()
	}
	t.Start()
	return true
}

// WithTask calls f with the connection's task, if it has one, while holding the
// connection: the task cannot end meanwhile. f must not call the connection.
func (c *Conn) WithTask(f func(Task)) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.task == nil || c.spent {
		return false
	}
	f(c.task)
	return true
}

// Write appends frames to the outbox, to be written by the loop. It is for who runs
// the connection's task. It waits while Options.MaxOutputBytes are pending, which is
// how a slow reader slows the engine; the loop closes the connection of a reader that
// takes nothing for Timeouts.Stall meanwhile.
func (c *Conn) Write(frames []byte) error { return c.write(frames, true) }

// TryWrite is Write, but where that waits it takes nothing and returns ErrFull.
func (c *Conn) TryWrite(frames []byte) error { return c.write(frames, false) }

func (c *Conn) write(frames []byte, wait bool) error {
	c.mu.Lock()
	out := c.out // none if the connection has ended
	if out == nil || c.backlog+len(out.B) >= c.maxOutput {
		if !wait && !c.closed && c.unsent() >= c.maxOutput {
			c.mu.Unlock()
			return ErrFull
		}
		if out = c.waitForRoom(); out == nil {
			c.mu.Unlock()
			return ErrClosed
		}
	}
	out.B = append(out.B, frames...)
	c.mark(0)
	c.mu.Unlock()
	return nil
}

// waitForRoom gives the outbox when there is room in it, nil if the connection has
// ended; mu is held, but not while it waits.
func (c *Conn) waitForRoom() *buffer {
	for !c.closed && c.unsent() >= c.maxOutput {
		if c.room == nil {
			c.room = make(chan struct{})
		}
		room := c.room
		c.mu.Unlock()
		<-room
		c.mu.Lock()
	}
	if c.closed {
		return nil
	}
	return c.outbox()
}

// Finish appends the task's last frames and ends it: the connection's next line
// may be consumed. It never waits. It may leave other memory, empty, in the place of
// the frames'. The task is the lane's again, see Lane.Recycle, unless Finish reports
// false: the connection has ended, and the task is the caller's.
func (c *Conn) Finish(frames *[]byte) bool { return c.finish(frames, evFinished) }

// FinishClose is Finish for an answer after which the connection is closed.
func (c *Conn) FinishClose(frames *[]byte) bool { return c.finish(frames, evFinished|evClose) }

func (c *Conn) finish(frames *[]byte, ev event) bool {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return false
	}
	c.spent = c.task != nil
	if len(*frames) > 0 {
		b := c.outbox()
		if len(b.B) == 0 {
			b.B, *frames = *frames, b.B
		} else {
			b.B = append(b.B, *frames...)
		}
	}
	c.mark(ev)
	c.mu.Unlock()
	return true
}

// signal is how other goroutines than workers tell the loop something.
func (c *Conn) signal(ev event) {
	c.mu.Lock()
	if !c.closed {
		c.mark(ev)
	}
	c.mu.Unlock()
}

// outbox is the buffer for frames; mu is held and the connection not closed.
func (c *Conn) outbox() *buffer {
	if c.out == nil {
		c.out = framePool.Get()
	}
	return c.out
}

// mark adds the connection to the dirty list; mu is held and the connection not
// closed. So the loop is still there: it ends only after its last connection.
func (c *Conn) mark(ev event) {
	c.events |= ev
	if !c.queued {
		c.queued = true
		c.lp.push(c)
	}
}

// ended says whether nobody is there any more to be answered.
func (c *Conn) ended() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// free says whether the next line may be consumed: the one before is answered,
// the client takes its answers, and it is not the turn of others. Loop only.
func (c *Conn) free() bool {
	return !c.busy && !c.closing && !c.dead && !c.putOff && c.unwritten() < maxUnreadAnswers
}

// unwritten is the loop's part of the pending output. Loop only.
func (c *Conn) unwritten() int {
	if c.pend == nil {
		return 0
	}
	return len(c.pend.B) - c.sent
}

// unread is the input not yet consumed, in bytes. Loop only.
func (c *Conn) unread() int {
	if c.in == nil {
		return 0
	}
	return c.in.size()
}
