package route

import (
	"sync"
	"time"

	"go.uber.org/atomic"
)

// State is what a breaker thinks of its backend.
type State uint8

// The states; String gives the names that logs, metrics and the admin socket
// show.
const (
	Closed   State = iota // requests pass
	HalfOpen              // one probe at a time passes
	Open                  // nothing passes until the cooldown is over
)

// String gives the state's name in lower case.
func (s State) String() string {
	switch s {
	case Closed:
		return "closed"
	case HalfOpen:
		return "half_open"
	default:
		return "open"
	}
}

// Policy says when a breaker opens and for how long. Zero fields take the
// defaults: 3 failures within 60 s, 30 s of cooldown.
type Policy struct {
	Failures int           // open at this many, at most 1000
	Window   time.Duration // counted while no older than this
	Cooldown time.Duration // from the last failure to the first probe
}

func (p Policy) withDefaults() Policy {
	if p.Failures == 0 {
		p.Failures = defaultFailures
	}
	if p.Window == 0 {
		p.Window = defaultWindow
	}
	if p.Cooldown == 0 {
		p.Cooldown = defaultCooldown
	}
	return p
}

// permit says under which generation a request was let through. A breaker's
// generation changes with its state and with each probe, so that the word of a
// request from before is told apart from the word of the current probe.
type permit struct {
	generation uint64
	probe      bool
}

// breaker is one entry's circuit breaker.
//
// The word (generation, state, "has failures") is written under mu and read by
// anyone: a closed breaker lets a request in with one atomic load, and a
// success on a breaker without failures is that same load. Everything else is
// rare and takes mu.
type breaker struct {
	// immutable
	policy   Policy
	clock    func() time.Duration // monotonic, since the router was made
	onChange func(from, to State) // called under mu, so in order

	word atomic.Uint64

	// under mu
	mu         sync.Mutex
	state      State
	generation uint64
	failures   []time.Duration // Closed: when, oldest first, fewer than policy.Failures
	openUntil  time.Duration   // Open: the end of the cooldown
	probing    bool            // HalfOpen: the probe is out
}

const (
	wordStateMask     = 0b011
	wordFailuresBit   = 0b100
	wordGenerationLSB = 3
)

func newBreaker(p Policy, clock func() time.Duration, onChange func(from, to State)) *breaker {
	b := &breaker{policy: p, clock: clock, onChange: onChange}
	b.failures = make([]time.Duration, 0, p.Failures)
	return b
}

// State may be called at any time, also from onChange.
func (b *breaker) State() State { return State(b.word.Load() & wordStateMask) }

// mayEnter reports whether enter would succeed now. It changes nothing.
func (b *breaker) mayEnter() bool {
	if b.State() == Closed {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.admitsLocked()
}

func (b *breaker) admitsLocked() bool {
	switch b.state {
	case Open:
		return b.clock() >= b.openUntil
	case HalfOpen:
		return !b.probing
	default:
		return true
	}
}

// enter lets a request through, as the probe unless the breaker is closed.
func (b *breaker) enter() (permit, bool) {
	if w := b.word.Load(); w&wordStateMask == uint64(Closed) {
		return permit{generation: w >> wordGenerationLSB}, true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.admitsLocked() {
		return permit{}, false
	}
	if b.state == Closed { // closed since the load above
		return permit{generation: b.generation}, true
	}
	b.becomeHalfOpen()
	return permit{generation: b.generation, probe: true}, true
}

// leave takes the outcome of a request that enter let through.
func (b *breaker) leave(p permit, o Outcome) {
	switch o {
	case Success:
		// The usual case, without the lock: closed and nothing to clear.
		if b.word.Load()&(wordStateMask|wordFailuresBit) == uint64(Closed) {
			return
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		b.succeedLocked(p)
	case Failure:
		b.mu.Lock()
		defer b.mu.Unlock()
		b.failLocked(p)
	default:
		if !p.probe {
			return
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.isProbeLocked(p) { // says nothing about the backend: next one, please
			b.probing = false
		}
	}
}

func (b *breaker) isProbeLocked(p permit) bool {
	return p.probe && b.state == HalfOpen && p.generation == b.generation
}

func (b *breaker) succeedLocked(p permit) {
	switch {
	case b.isProbeLocked(p):
		b.becomeClosed()
	case b.state == Closed && p.generation == b.generation:
		b.failures = b.failures[:0]
		b.publish()
	}
	// Otherwise it began before the breaker opened: only a probe closes it.
}

func (b *breaker) failLocked(p permit) {
	now := b.clock()
	switch {
	case b.isProbeLocked(p):
		b.becomeOpen(now)
	case b.state == Open:
		// It was in flight when the breaker opened and has failed just now: the
		// backend is still down, so the cooldown starts again.
		b.openUntil = now + b.policy.Cooldown
	case b.state == Closed && p.generation == b.generation:
		b.pruneLocked(now)
		b.failures = append(b.failures, now)
		if len(b.failures) >= b.policy.Failures {
			b.becomeOpen(now)
			return
		}
		b.publish()
	}
	// Otherwise a probe is the newer word: requests that began before the
	// breaker opened must not re-open it once a probe has closed it.
}

// pruneLocked forgets the failures older than the window.
func (b *breaker) pruneLocked(now time.Duration) {
	old := 0
	for old < len(b.failures) && now-b.failures[old] > b.policy.Window {
		old++
	}
	b.failures = append(b.failures[:0], b.failures[old:]...)
}

// becomeOpen: nothing passes until the cooldown is over.
func (b *breaker) becomeOpen(now time.Duration) {
	b.openUntil = now + b.policy.Cooldown
	b.probing = false
	b.failures = b.failures[:0]
	b.change(Open)
}

// becomeHalfOpen hands out the probe, under a generation of its own.
func (b *breaker) becomeHalfOpen() {
	b.probing = true
	b.change(HalfOpen)
}

// becomeClosed: the probe came back well; the past is forgotten.
func (b *breaker) becomeClosed() {
	b.probing = false
	b.failures = b.failures[:0]
	b.change(Closed)
}

// renew forgets the past, whatever the state: the engine was started anew.
// Requests of the one before find their generation gone.
func (b *breaker) renew() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.becomeClosed()
}

func (b *breaker) change(to State) {
	from := b.state
	b.state = to
	b.generation++
	b.publish()
	if from != to && b.onChange != nil {
		b.onChange(from, to)
	}
}

// publish makes the state under mu visible to those who don't take it.
func (b *breaker) publish() {
	w := b.generation<<wordGenerationLSB | uint64(b.state)
	if len(b.failures) > 0 {
		w |= wordFailuresBit
	}
	b.word.Store(w)
}
