package loop

// arm asks the poller to report the connection: when its socket takes output
// again if some is pending, and in any case when the client hangs up.
func (lp *eventLoop) arm(c *Conn) {
	forWrite := c.pend != nil
	if c.armed && (c.forWrite || !forWrite) {
		return
	}
	if err := lp.srv.poller.register(c, c.polled, forWrite); err != nil {
		lp.bury(c, ReasonWrite)
		return
	}
	c.polled, c.armed, c.forWrite = true, true, forWrite
}

// unpoll takes the connection's descriptor from the poller, before it changes.
func (lp *eventLoop) unpoll(c *Conn) {
	if c.polled {
		lp.srv.poller.forget(c.fd)
		c.polled, c.armed, c.forWrite = false, false, false
	}
}
