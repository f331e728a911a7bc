package loop

import "github.com/panjf2000/gnet/v2"

// events is the server as gnet sees it. Every callback runs on the loop of its
// connection.
type events struct {
	gnet.BuiltinEventEngine
	srv *Server
}

// OnOpen: a loop has the connection, or the socket that wakes the loop.
func (e *events) OnOpen(g gnet.Conn) ([]byte, gnet.Action) {
	switch x := g.Context().(type) {
	case *eventLoop:
		x.el = g.EventLoop()
		e.srv.byLoop[x.el] = x // only during Start, one at a time
	case *Conn:
		if !x.taken {
			x.taken = true
			if x.lane == nil {
				x.lane = x.ln.handler.NewLane()
			}
			e.srv.remember(x) // from here on others can find it
		}
		return nil, x.lp.attachedContained(x, g)
	}
	return nil, gnet.None
}

// attachedContained is attached with the panics of handlers contained.
func (lp *eventLoop) attachedContained(c *Conn, g gnet.Conn) (act gnet.Action) {
	defer func() {
		if r := recover(); r != nil {
			lp.panicked(c, r)
		}
	}()
	return lp.attached(c, g)
}

// OnTraffic: something was read.
func (e *events) OnTraffic(g gnet.Conn) gnet.Action {
	switch x := g.Context().(type) {
	case *eventLoop:
		_, _ = g.Discard(-1)
		x.turn()
	case *Conn:
		b, err := g.Next(-1)
		if err != nil || len(b) == 0 || x.dead {
			return gnet.None
		}
		x.lp.receivedContained(x, b)
		x.lp.breathe()
	}
	return gnet.None
}

// OnClose: gnet is about to close its descriptor.
func (e *events) OnClose(g gnet.Conn, err error) gnet.Action {
	if c, ok := g.Context().(*Conn); ok && c.taken {
		c.lp.closedContained(c, err)
	}
	return gnet.None
}

// receivedContained is received with the panics of handlers contained.
func (lp *eventLoop) receivedContained(c *Conn, b []byte) {
	defer func() {
		if r := recover(); r != nil {
			lp.panicked(c, r)
		}
	}()
	lp.received(c, b)
}

// closedContained is closedByGnet likewise.
func (lp *eventLoop) closedContained(c *Conn, err error) {
	defer func() {
		if r := recover(); r != nil {
			if c.g != nil { // not detached: the descriptor is gnet's to close
				lp.unpoll(c)
				c.g, c.fd = nil, -1
			}
			lp.panicked(c, r)
		}
	}()
	lp.closedByGnet(c, err)
}
