package admin

import (
	"maps"
	"slices"
	"sync"
)

// Broadcaster remembers what the daemon last said and passes on what it says
// next. Its methods may be called from any goroutine; none blocks.
type Broadcaster struct {
	mu     sync.Mutex
	state  Event            // the last lifecycle event
	caps   map[string]Event // the last capabilities, by config entry
	subs   map[*subscription]struct{}
	closed bool
}

// subscription is one client's view. events is closed when the client lagged,
// or at the end.
type subscription struct {
	// immutable
	snapshot [][]byte // sent first: capabilities sorted by name, then the state
	events   chan []byte
	onLag    func() // called once, without the lock, after events was closed
}

// NewBroadcaster starts at [Starting].
func NewBroadcaster() *Broadcaster {
	return &Broadcaster{
		state: Starting(),
		caps:  map[string]Event{},
		subs:  map[*subscription]struct{}{},
	}
}

// Publish remembers e and hands it to every subscriber. A subscriber that has
// no room for it is cut off. Draining is the last state: an engine that comes
// back meanwhile makes nothing ready.
func (b *Broadcaster) Publish(e Event) {
	b.mu.Lock()
	if b.state.status == statusDraining && e.backend == "" {
		b.mu.Unlock()
		return
	}
	if e.backend != "" {
		b.caps[e.backend] = e
	} else {
		b.state = e
	}
	var lagging []*subscription
	for s := range b.subs {
		select {
		case s.events <- e.frame:
		default:
			delete(b.subs, s)
			close(s.events)
			lagging = append(lagging, s)
		}
	}
	b.mu.Unlock()
	for _, s := range lagging {
		s.onLag()
	}
}

// Status is the current lifecycle state: starting, ready, draining, …
func (b *Broadcaster) Status() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.state.status
}

// subscribe takes the snapshot and the subscription under one lock: no event
// falls between them and none comes twice.
func (b *Broadcaster) subscribe(onLag func()) *subscription {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := &subscription{events: make(chan []byte, maxLagFrames), onLag: onLag}
	for _, name := range slices.Sorted(maps.Keys(b.caps)) {
		s.snapshot = append(s.snapshot, b.caps[name].frame)
	}
	s.snapshot = append(s.snapshot, b.state.frame)
	if b.closed {
		close(s.events)
	} else {
		b.subs[s] = struct{}{}
	}
	return s
}

func (b *Broadcaster) unsubscribe(s *subscription) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.subs, s)
}

// close ends every subscription behind the frames that it still holds.
func (b *Broadcaster) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	for s := range b.subs {
		delete(b.subs, s)
		close(s.events)
	}
}
