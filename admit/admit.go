package admit

import (
	"time"

	"go.uber.org/atomic"
)

// Verdict is the gate's answer to one request.
type Verdict uint8

const (
	// Admitted: the ticket is held and must be released exactly once.
	Admitted Verdict = iota
	// Full: nothing is held; the client hears `queue_full` at once.
	Full
	// Closed: the daemon drains; the client hears `backend_unavailable`.
	Closed
)

// closedBit marks a closed gate. It shares the word with the count so that a
// request can never slip in between the check of the one and the other.
const closedBit = uint64(1) << 63

// Gate is an exact, lock-free counter of the requests in the daemon.
//
// The state is one word: the closed bit and the number of tickets out. A try is
// a load (which is all that a rejection costs) and a compare-and-swap; a release
// is one add. The count therefore never exceeds the capacity, not even for an
// instant, and it needs no lock to say so.
type Gate struct {
	// atomic
	state    atomic.Uint64
	active   atomic.Int64 // permits: how many may run
	capacity atomic.Int64 // permits + queue depth
	service  atomic.Int64 // running mean of service times, nanoseconds; 0 = none yet

	// immutable; closed once the gate is closed and the last ticket is back
	idle     chan struct{}
	idleOnce atomic.Bool
}

// NewGate makes a gate for active running and depth waiting requests. Fewer
// than one active counts as one, a negative depth as none.
func NewGate(active, depth int) *Gate {
	g := &Gate{idle: make(chan struct{})}
	g.Resize(active, depth)
	return g
}

// Resize changes the limits. A smaller gate lets the surplus finish; it admits
// again when the count has fallen below the new capacity.
func (g *Gate) Resize(active, depth int) {
	active = min(max(active, 1), maxCapacity/2)
	depth = min(max(depth, 0), maxCapacity/2)
	g.active.Store(int64(active))
	g.capacity.Store(int64(active + depth))
}

// Try asks for admission. On Admitted, t holds the place until t.Release.
func (g *Gate) Try(t *Ticket) Verdict {
	for {
		s := g.state.Load()
		if s&closedBit != 0 {
			return Closed
		}
		if s >= uint64(g.capacity.Load()) {
			return Full
		}
		if g.state.CompareAndSwap(s, s+1) {
			t.hold(g)
			return Admitted
		}
	}
}

// Close makes every later Try answer Closed. Tickets out stay valid.
func (g *Gate) Close() {
	for {
		s := g.state.Load()
		if g.state.CompareAndSwap(s, s|closedBit) {
			g.settle(s | closedBit)
			return
		}
	}
}

// Idle is closed once the gate is closed and no ticket is out.
func (g *Gate) Idle() <-chan struct{} { return g.idle }

// settle closes idle when s is the final state of a closed gate.
func (g *Gate) settle(s uint64) {
	if s == closedBit && g.idleOnce.CompareAndSwap(false, true) {
		close(g.idle)
	}
}

// Count is the number of tickets out: running and waiting requests.
func (g *Gate) Count() int { return int(g.state.Load() &^ closedBit) }

// Capacity is the largest Count, Active how many of them may run at once.
func (g *Gate) Capacity() int { return int(g.capacity.Load()) }

// Active is the number of permits: how many requests may run at once.
func (g *Gate) Active() int { return int(g.active.Load()) }

// Load splits the count into running and waiting as the wire reports it: what
// exceeds the permits waits.
func (g *Gate) Load() (active, queued int) {
	n, permits := g.Count(), g.Active()
	active = min(n, permits)
	return active, n - active
}

// Served records how long a request occupied its worker.
func (g *Gate) Served(d time.Duration) {
	mean := g.service.Load()
	if mean == 0 {
		g.service.CompareAndSwap(0, max(int64(d), 1))
		return
	}
	// A lost race drops one sample of a mean: not worth a retry.
	g.service.CompareAndSwap(mean, max(mean+(int64(d)-mean)/serviceWeight, 1))
}

// RetryAfter estimates when a place comes free: the requests ahead, served at
// the recent mean by as many workers as there are permits.
func (g *Gate) RetryAfter() time.Duration {
	mean := g.service.Load()
	if mean == 0 {
		return unknownRetryAfter
	}
	_, queued := g.Load()
	// In floating point: mean times a deep queue may exceed 63 bits.
	wait := float64(mean) * float64(queued+1) / float64(g.Active())
	return min(max(time.Duration(min(wait, float64(maxRetryAfter))), minRetryAfter), maxRetryAfter)
}
