package admit

import (
	"sync"

	"go.uber.org/atomic"
)

// Queue is a FIFO of admitted requests with removal from the middle: a client
// that leaves while it waits gives its place back at once.
//
// It links what its users own, so it allocates nothing and has no limit of its
// own: the gate's tickets bound it. The mutex covers a change of few words, most of
// them in what the caller has just written or is about to read. A ring would need
// no mutex but could not let go of the middle: requests of clients that left would
// fill it up while one long request runs.
//
// All methods may be called from any goroutine.
type Queue[T any] struct {
	mu    sync.Mutex
	ready sync.Cond // signalled when there is more to take, or no longer any point in waiting

	// guarded by mu
	head, tail *Waiter[T] // oldest and newest; both nil if none waits
	sleeping   int        // goroutines in Pop
	coming     bool       // one of them has been woken and has not looked yet
	closed     bool
}

// Waiter is what a Queue holds of a value, to be embedded where the value lives. It
// waits in one queue at a time, and may be pushed again when it has been taken out.
type Waiter[T any] struct {
	Value T // handed out by Pop; immutable while it waits

	// guarded by the queue's mu
	next, prev *Waiter[T] // newer and older; prev of the oldest means nothing
	waiting    bool
}

// NewQueue makes an empty queue.
func NewQueue[T any]() *Queue[T] {
	q := new(Queue[T])
	q.ready.L = &q.mu
	return q
}

// Push appends w and wakes one goroutine in Pop, unless one is on its way, which will
// wake the next if there is more than it takes. It reports false when the queue is
// closed. Pushing what waits already is a programmer error.
func (q *Queue[T]) Push(w *Waiter[T]) bool {
	q.mu.Lock()
	if w.waiting {
		q.mu.Unlock()
		panic("admit: pushed twice")
	}
	if q.closed {
		q.mu.Unlock()
		return false
	}
	w.waiting = true
	w.prev = q.tail
	if q.head == nil {
		q.head = w
	} else {
		q.tail.next = w
	}
	q.tail = w
	wake := q.call()
	q.mu.Unlock()
	if wake {
		q.ready.Signal()
	}
	return true
}

// Pop takes the oldest value, waiting for one. It reports false when the queue
// is closed and empty, and when quit is set (nil means never): a worker that is
// no longer wanted takes nothing more. After setting quit, call Wake.
func (q *Queue[T]) Pop(quit *atomic.Bool) (v T, ok bool) {
	q.mu.Lock()
	for {
		switch w := q.head; {
		case quit != nil && quit.Load():
		case w != nil:
			q.takeHead()
			v, ok = w.Value, true
		case !q.closed:
			q.sleeping++
			q.ready.Wait()
			q.sleeping--
			q.coming = false
			continue
		}
		wake := q.call()
		q.mu.Unlock()
		if wake {
			q.ready.Signal()
		}
		return v, ok
	}
}

// call says whether one more goroutine has to be woken for what waits; mu is held. Like
// Go's scheduler with its threads, it has one at most on its way: when requests come by
// the dozen and take no time, one worker is done with them before another has run, which
// would find nothing. When they take some, each that comes calls the next.
func (q *Queue[T]) call() bool {
	if q.head == nil || q.sleeping == 0 || q.coming {
		return false
	}
	q.coming = true
	return true
}

// Wake makes every goroutine in Pop look at its quit mark. It holds mu: who has
// looked and does not sleep yet would miss it, and take the next Push's signal
// away from a goroutine that wants the value.
func (q *Queue[T]) Wake() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.ready.Broadcast()
}

// Remove takes w out, wherever it stands. It reports false when w does not wait:
// somebody else took it and owns it now.
func (q *Queue[T]) Remove(w *Waiter[T]) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case !w.waiting:
		return false
	case w == q.head:
		q.takeHead()
		return true
	}
	w.prev.next = w.next
	if w.next != nil {
		w.next.prev = w.prev
	} else {
		q.tail = w.prev
	}
	w.next, w.prev, w.waiting = nil, nil, false
	return true
}

// takeHead unlinks the oldest; mu is held. The next one, which is another core's to
// touch, keeps its prev.
func (q *Queue[T]) takeHead() {
	w := q.head
	if q.head = w.next; q.head == nil {
		q.tail = nil
	}
	w.next, w.prev, w.waiting = nil, nil, false
}

// Close refuses further values and, once the waiting ones are taken, ends every
// Pop with false.
func (q *Queue[T]) Close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.ready.Broadcast()
}
