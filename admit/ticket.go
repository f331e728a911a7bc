package admit

// Ticket is one request's place in the daemon. Its zero value holds nothing;
// Gate.Try fills it, and it may be used again after Release.
//
// A ticket belongs to the request, not to a goroutine: whoever ends the request
// (the worker that ran it, or the loop that took it out of the queue because
// its client left) releases it, and exactly one of them does. Its methods are for the
// request's owner of the moment, one goroutine at a time.
type Ticket struct {
	gate *Gate // nil if it holds nothing
}

func (t *Ticket) hold(g *Gate) {
	if t.gate != nil {
		panic("admit: ticket is already held")
	}
	t.gate = g
}

// Held says whether the ticket holds a place.
func (t *Ticket) Held() bool { return t.gate != nil }

// Release gives the place back. Releasing a ticket that holds none is a
// programmer error: two owners believe that they end the same request.
func (t *Ticket) Release() {
	g := t.gate
	if g == nil {
		panic("admit: ticket released twice")
	}
	t.gate = nil
	g.settle(g.state.Sub(1))
}
