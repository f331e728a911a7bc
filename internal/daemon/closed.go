package daemon

import (
	"sync"

	"inferd/internal/admin"
)

// closedRing remembers the last closed connections with their reasons.
type closedRing struct {
	mu   sync.Mutex
	ring []admin.ClosedConn // guarded by mu
	next int                // guarded by mu: where the next one goes
	full bool               // guarded by mu
}

func newClosedRing(n int) *closedRing { return &closedRing{ring: make([]admin.ClosedConn, n)} }

func (r *closedRing) add(c admin.ClosedConn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ring[r.next] = c
	r.next = (r.next + 1) % len(r.ring)
	r.full = r.full || r.next == 0
}

// list gives them, the newest last.
func (r *closedRing) list() []admin.ClosedConn {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.full {
		return append([]admin.ClosedConn{}, r.ring[:r.next]...)
	}
	return append(append([]admin.ClosedConn{}, r.ring[r.next:]...), r.ring[:r.next]...)
}
