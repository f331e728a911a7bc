package loop

import (
	"golang.org/x/sys/unix"

	"inferd/loop/rawsock"
)

// send writes an immediate answer. It never overtakes a worker's frames: the
// loop consumes lines only while the connection has no task, and has taken all
// of the last task's frames by then.
func (lp *eventLoop) send(c *Conn, b []byte) {
	if len(b) == 0 || c.dead {
		return
	}
	if c.pend != nil {
		lp.compactPending(c)
		c.pend.B = append(c.pend.B, b...)
		return
	}
	n, ok := lp.write(c, b)
	if !ok || n == len(b) {
		return
	}
	c.pend = framePool.Get()
	c.pend.B = append(c.pend.B, b[n:]...)
	c.sent = 0
	c.stalledAt = lp.now()
}

// flush writes what workers put into the outbox; it takes ownership of out,
// which may be nil.
func (lp *eventLoop) flush(c *Conn, out *buffer) {
	switch {
	case c.pend == nil && out == nil:
		return
	case c.pend == nil:
		c.pend, c.sent = out, 0
	case out != nil:
		lp.compactPending(c)
		c.pend.B = append(c.pend.B, out.B...)
		recycle(&framePool, out)
	}
	n, ok := lp.write(c, c.pend.B[c.sent:])
	if !ok {
		return
	}
	c.sent += n
	if c.sent == len(c.pend.B) {
		lp.takeBack(c.pend)
		c.pend, c.sent, c.stalledAt = nil, 0, 0
		return
	}
	if n > 0 || c.stalledAt == 0 {
		c.stalledAt = lp.now()
	}
}

// compactPending drops the written part once it is the larger one, so that a
// buffer that never quite empties does not grow.
func (lp *eventLoop) compactPending(c *Conn) {
	if c.sent > len(c.pend.B)/2 {
		n := copy(c.pend.B, c.pend.B[c.sent:])
		c.pend.B, c.sent = c.pend.B[:n], 0
	}
}

// write gives b to the socket, as much as it takes. It reports false when the
// connection is dead for it.
func (lp *eventLoop) write(c *Conn, b []byte) (sent int, ok bool) {
	limit := writePieceBytes
	if c.stalledAt != 0 {
		limit = slowPieceBytes
	}
	for sent < len(b) {
		piece := b[sent:min(len(b), sent+limit)]
		n, err := rawsock.Send(int(c.fd), piece)
		switch err {
		case nil:
			c.bytesOut.Add(uint64(n))
			if sent += n; n < len(piece) {
				return sent, true
			}
		case unix.EAGAIN:
			return sent, true
		case unix.EINTR:
		default:
			lp.bury(c, lostReason(err))
			return 0, false
		}
	}
	return sent, true
}

// lostReason tells a client that left from a socket that failed.
func lostReason(err error) Reason {
	if err == unix.EPIPE || err == unix.ECONNRESET {
		return ReasonHangup
	}
	return ReasonWrite
}

// charge counts what the client has not read and no running task answers for, so
// that no permit bounds it. If that of all connections passes the limit, who has more
// than an equal share is closed: there is no telling somebody who does not read. So
// the limit is never passed by more than itself, and nobody pays for the others.
func (lp *eventLoop) charge(c *Conn) {
	n := 0
	if !c.busy && !c.dead {
		n = c.unwritten()
	}
	more := int64(n - c.charged)
	if more == 0 {
		return
	}
	c.charged = n
	limit := max(lp.srv.opt.MaxInboundBytes, 2*int64(lp.srv.opt.MaxOutputBytes))
	if lp.srv.unread.Add(more) > limit && more > 0 && int64(n) > limit/lp.srv.connCount.Load() {
		lp.bury(c, ReasonSlowReader)
	}
}

// settle brings a connection to rest after something happened to it: waits for
// room in the socket, closes, parks or attaches again. Every path of the loop
// that touches a connection ends here.
func (lp *eventLoop) settle(c *Conn) {
	if c.dead || lp.calm(c) {
		return
	}
	lp.reportBacklog(c)
	if lp.charge(c); c.dead {
		return
	}
	if c.pend != nil {
		lp.arm(c)
		if c.dead {
			return
		}
	} else if c.closing && !c.busy {
		lp.shut(c)
		return
	} else if c.place == halfClosed && !c.busy && c.in == nil {
		lp.bury(c, ReasonClient)
		return
	} else if lp.srv.stopping.Load() && !c.busy && c.in == nil {
		if c.place == halfClosed || !readable(c.fd) {
			lp.bury(c, ReasonShutdown) // nothing unread: no reset can hurt the client
			return
		}
		if c.lastCall {
			lp.closeAfter(c, ReasonShutdown)
			lp.shut(c)
			return
		}
		c.lastCall = true // what is unread is answered when gnet reads it, once
	}
	lp.balance(c)
	if !c.dead {
		lp.watch(c)
	}
}

// calm says that there is nothing to settle: the usual case, whatever happened.
func (lp *eventLoop) calm(c *Conn) bool {
	return c.pend == nil && c.in == nil && !c.closing && !c.watched && c.authed &&
		c.place == inGnet && c.backlogSeen == 0 && c.charged == 0 &&
		!lp.srv.stopping.Load() && (c.busy || lp.srv.timeouts.Load().Idle <= 0)
}

// reportBacklog tells workers how much of the outbox is with the loop.
func (lp *eventLoop) reportBacklog(c *Conn) {
	n := c.unwritten()
	if n == c.backlogSeen {
		return
	}
	c.backlogSeen = n
	c.mu.Lock()
	c.backlog = n
	if c.room != nil && c.unsent() < lp.srv.opt.MaxOutputBytes/2+1 {
		close(c.room)
		c.room = nil
	}
	c.mu.Unlock()
}

// shut ends the conversation after its last frame: the writing side is shut
// down, so the client sees the end, and the connection is buried when the
// client closes or lingerTimeout has passed.
func (lp *eventLoop) shut(c *Conn) {
	if c.place == halfClosed {
		lp.bury(c, c.reason)
		return
	}
	if !c.lingering {
		c.lingering, c.stalledAt = true, lp.now()
		_ = unix.Shutdown(int(c.fd), unix.SHUT_WR)
	}
	if c.place == parked {
		lp.attachAgain(c) // only gnet reads what the client still sends
		if c.dead {
			return
		}
	}
	lp.watch(c)
}

// bury ends a connection: its task is cancelled, its buffers go back, its
// descriptor is closed. Loop only; idempotent.
func (lp *eventLoop) bury(c *Conn, why Reason) {
	if c.dead {
		return
	}
	if !c.authed && (why == ReasonClient || why == ReasonHangup || why == ReasonRead) {
		why = ReasonAuth // it left without the key, which is what matters
	}
	c.dead, c.reason = true, why
	lp.charge(c)
	lp.unwatch(c)
	lp.unpoll(c)
	lp.dropStash(c)

	c.mu.Lock()
	c.closed = true
	out := c.out
	c.out = nil
	if c.room != nil {
		close(c.room)
		c.room = nil
	}
	if c.task != nil && !c.spent {
		c.task.Cancel(why)
		c.task = nil
	}
	c.mu.Unlock()

	recycle(&framePool, out)
	recycle(&framePool, c.pend)
	c.pend = nil
	if g := c.g; g != nil {
		c.g = nil
		_ = lp.el.Close(g) // calls OnClose, which finds the connection dead
	} else if c.fd >= 0 {
		_ = unix.Close(int(c.fd))
	}
	c.fd = -1
	lp.connCount.Dec()
	lp.srv.forget(c)
	c.ln.handler.Closed(c, why)
}
