package loop

import "bytes"

// received takes what gnet read. b is gnet's buffer: valid until return.
func (lp *eventLoop) received(c *Conn, b []byte) {
	c.bytesIn.Add(uint64(len(b)))
	c.idleAt = 0
	if c.closing || c.dead {
		return // lingering: read and forget
	}
	if c.in == nil {
		// The usual case: whole lines, handled where gnet read them.
		b = lp.consume(c, b)
		if len(b) > 0 && !c.closing && !c.dead {
			lp.stash(c, b)
			if !c.authed {
				lp.consumeStashed(c) // the key's small limit holds for the first bytes too
			}
		}
	} else {
		lp.stash(c, b)
		lp.consumeStashed(c)
	}
	lp.settle(c)
}

// allowance is the work that one connection's lines may make the loop do in a row:
// bytes, and so many more for each line. Only lines that are answered at once use it
// up, for any other makes the connection busy; but a client that sends thousands of
// those would keep the others waiting.
type allowance int

// spend takes one line off and puts the connection off if there is more to consume
// than what is left allows.
func (a *allowance) spend(c *Conn, line []byte, more bool) {
	if *a -= allowance(len(line) + lineCost); *a < 0 && more && c.free() {
		c.putOff = true
		c.signal(0)
	}
}

// consume handles the lines at the beginning of b while the connection is free,
// sends what is answered at once, and returns the rest.
func (lp *eventLoop) consume(c *Conn, b []byte) []byte {
	left := allowance(allowanceBytes)
	reply := lp.reply[:0]
	for len(b) > 0 && c.free() {
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			break
		}
		line := b[:i]
		b = b[i+1:]
		lp.reply = reply // for a panic, see panicked
		reply = lp.line(c, line, reply)
		if len(reply) >= replyBytes {
			lp.send(c, reply)
			reply = reply[:0]
		}
		left.spend(c, line, len(b) > 0)
	}
	lp.send(c, reply)
	lp.reply = reply[:0]
	return b
}

// line handles one line on the loop and appends the immediate answer to reply.
func (lp *eventLoop) line(c *Conn, line, reply []byte) []byte {
	if !c.authed {
		return lp.auth(c, line, reply)
	}
	if len(line) > lp.srv.opt.MaxLineBytes {
		return lp.fault(c, FaultTooLarge, reply)
	}
	if blank(line) {
		return reply
	}
	at := lp.roundAt
	if at == 0 {
		at = lp.now()
	}
	c.lines.Inc()
	var act Action
	reply, act = c.lane.Line(c, line, reply, at, false)
	switch act {
	case Busy:
		c.busy = true
		lp.roundAt = at
		// The loop comes by before it sleeps. Left alone it would see that there is
		// nothing more to read, let others run once, and sleep in epoll_wait: with
		// one processor it takes that along until Go's monitor notices, 10 ms and
		// more later, and a worker that needs a second turn for its first token
		// waits. It costs nothing: the first token would wake the loop otherwise.
		lp.rouse()
	case Close:
		lp.closeAfter(c, ReasonFault)
	}
	return reply
}

func (lp *eventLoop) auth(c *Conn, line, reply []byte) []byte {
	if len(line) <= lp.srv.opt.MaxAuthBytes {
		c.keyed = true
		if c.authed = c.lane.Auth(c, line); c.authed {
			return reply
		}
	}
	lp.closeAfter(c, ReasonAuth) // silently
	return reply
}

// fault answers a client error of the loop's own finding; it ends the
// connection.
func (lp *eventLoop) fault(c *Conn, f Fault, reply []byte) []byte {
	reason := ReasonFault
	if f == FaultPanic {
		reason = ReasonInternal
	}
	lp.closeAfter(c, reason)
	return c.lane.Fault(c, f, reply)
}

// closeAfter marks the connection to be closed once its output is written.
func (lp *eventLoop) closeAfter(c *Conn, why Reason) {
	c.closing, c.reason = true, why
}

// stash keeps b until it can be consumed, within the limits on input.
func (lp *eventLoop) stash(c *Conn, b []byte) {
	opt := &lp.srv.opt
	// Having been put off must not cost a client lines that were answered otherwise.
	spared := c.putOff && c.unread()+len(b) <= 2*readChunkBytes
	if lp.srv.inbound.Add(int64(len(b))) > opt.MaxInboundBytes && !spared {
		lp.srv.inbound.Sub(int64(len(b)))
		told := lp.fault(c, FaultInbound, nil)
		switch {
		case c.busy || c.putOff || c.unwritten() >= maxUnreadAnswers:
			// Answers are on the way and would be followed by the fault; a
			// connection that cannot be told in order is just closed.
			lp.bury(c, ReasonFault)
		case c.authed:
			lp.send(c, told)
		}
		return
	}
	if c.in == nil {
		c.in = newStash()
	}
	// One byte to spare: a last line without a newline gets one appended.
	c.in.add(b, opt.MaxLineBytes+readChunkBytes+1)
}

// unstash forgets n stashed bytes, all those in pieces among them.
func (lp *eventLoop) unstash(c *Conn, n int) {
	in := c.in
	lp.srv.inbound.Sub(int64(n))
	in.head += n - in.pieced
	in.pieces, in.pieced = nil, 0
	c.lineAt = 0 // the next line has its own time
	if in.head == len(in.B) {
		in.release()
		c.in = nil
	}
}

// dropStash forgets all of it.
func (lp *eventLoop) dropStash(c *Conn) {
	if c.in != nil {
		lp.unstash(c, c.in.size())
	}
}

// consumeStashed handles stashed lines while the connection is free.
func (lp *eventLoop) consumeStashed(c *Conn) {
	left := allowance(allowanceBytes)
	reply := lp.reply[:0]
	for c.in != nil && c.free() {
		in := c.in
		end := in.newline()
		if end < 0 {
			reply = lp.checkUnfinished(c, reply)
			break
		}
		line := in.B[in.head:end]
		size := in.pieced + len(line)
		if size > inlineLineBytes && size <= lp.srv.opt.MaxLineBytes && c.authed {
			lp.decodeAside(c, end)
			break
		}
		lp.reply = reply // for a panic, see panicked
		if in.pieced > 0 {
			reply = lp.fault(c, FaultTooLarge, reply)
		} else {
			reply = lp.line(c, line, reply)
		}
		lp.unstash(c, size+1)
		if len(reply) >= replyBytes {
			lp.send(c, reply)
			reply = reply[:0]
		}
		left.spend(c, line, c.in != nil)
	}
	lp.send(c, reply)
	lp.reply = reply[:0]
	if c.closing || c.dead {
		lp.dropStash(c)
	}
}

// checkUnfinished applies the limits to a line that has no end yet.
func (lp *eventLoop) checkUnfinished(c *Conn, reply []byte) []byte {
	n := c.unread()
	switch {
	case !c.authed && n > lp.srv.opt.MaxAuthBytes:
		lp.closeAfter(c, ReasonAuth)
	case n > lp.srv.opt.MaxLineBytes:
		reply = lp.fault(c, FaultTooLarge, reply)
	}
	return reply
}

// decodeAside has the first stashed line, whose newline is at end, decoded on a
// goroutine of its own: the stash goes with it, what follows the line stays.
func (lp *eventLoop) decodeAside(c *Conn, end int) {
	in := c.in
	rest := in.B[end+1:]
	c.in = nil
	c.busy = true
	lp.srv.inbound.Sub(int64(len(rest)))
	if len(rest) > 0 {
		lp.stash(c, rest)
	}
	// The line stays charged to the total until it is decoded.
	charged := int64(in.pieced + end + 1 - in.head)
	lp.srv.decoders.Go(func() {
		lp.srv.decodeSlots <- struct{}{}
		defer func() { <-lp.srv.decodeSlots }()
		defer lp.srv.inbound.Sub(charged)
		if !c.ended() {
			lp.srv.decode(c, in.take(end))
		}
	})
}

// decode handles a long line off the loop, with a lane of its own: a pooled one
// would hold the line in memory until its next.
func (s *Server) decode(c *Conn, line []byte) {
	lane := c.ln.handler.NewLane()
	reply, act := s.lineContained(c, lane, line)
	switch act {
	case Next:
		c.Finish(&reply)
	case Close:
		c.FinishClose(&reply)
	case Busy:
		// The task has the connection and answers.
	}
}

func (s *Server) lineContained(c *Conn, lane Lane, line []byte) (reply []byte, act Action) {
	defer func() {
		if r := recover(); r != nil {
			s.opt.OnPanic(r)
			reply, act = lane.Fault(c, FaultPanic, nil), Close
		}
	}()
	if blank(line) {
		return nil, Next
	}
	c.lines.Inc()
	return lane.Line(c, line, nil, Nanotime(), true)
}

// finalLine gives a last line without a newline the newline that its end of
// input stands for.
func (lp *eventLoop) finalLine(c *Conn) {
	if in := c.in; in != nil && in.B[len(in.B)-1] != '\n' && c.authed {
		in.B = append(in.B, '\n')
		lp.srv.inbound.Inc()
	}
}

// blank says whether the line holds nothing but JSON whitespace.
func blank(line []byte) bool {
	for _, b := range line {
		switch b {
		case ' ', '\t', '\r':
		default:
			return false
		}
	}
	return true
}
