package admit

import (
	"sync"

	"go.uber.org/atomic"
)

// Queue is a bounded FIFO of admitted requests with removal from the middle:
// a client that leaves while it waits gives its place back at once.
//
// The slots are allocated once and linked by index, so pushing, popping and
// removing allocate nothing and cost the same at any depth. A slot is owned by
// the free list, or by the waiting list between Push and the Pop or Remove that
// takes its value; the mutex covers only that change of owner. A plain ring
// would need no mutex but could not let go of the middle: requests of clients
// that left would fill it up while one long request runs.
//
// All methods may be called from any goroutine.
type Queue[T comparable] struct {
	mu    sync.Mutex
	ready sync.Cond // signalled when the waiting list grows or the queue closes

	// guarded by mu
	slots      []slot[T] // slots[0] is the list's head, never a value
	free       int32     // first free slot, 0 if none
	length     int
	generation uint32
	sleeping   int // goroutines in Pop
	closed     bool
}

type slot[T comparable] struct {
	value      T
	next, prev int32
	generation uint32 // of the value; 0 when free
}

// Place names a waiting value for Remove.
type Place struct {
	index      int32
	generation uint32
}

// NewQueue makes a queue with room for capacity values.
func NewQueue[T comparable](capacity int) *Queue[T] {
	q := &Queue[T]{slots: make([]slot[T], 1)}
	q.ready.L = &q.mu
	q.Grow(capacity)
	return q
}

// Grow makes room for at least capacity values; it never shrinks.
func (q *Queue[T]) Grow(capacity int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	capacity = min(max(capacity, 1), maxCapacity)
	for i := len(q.slots); i <= capacity; i++ {
		q.slots = append(q.slots, slot[T]{next: q.free})
		q.free = int32(i)
	}
}

// Push appends v and wakes one goroutine in Pop. It reports false when the
// queue is closed or holds as many values as it has room for; with one ticket a
// value neither happens before Close.
func (q *Queue[T]) Push(v T) (Place, bool) {
	q.mu.Lock()
	i := q.free
	if i == 0 || q.closed {
		q.mu.Unlock()
		return Place{}, false
	}
	q.generation++
	if q.generation == 0 { // 0 marks free slots
		q.generation = 1
	}
	s, head := &q.slots[i], &q.slots[0]
	q.free = s.next
	s.value, s.generation = v, q.generation
	s.next, s.prev = 0, head.prev
	q.slots[head.prev].next = i
	head.prev = i
	q.length++
	p := Place{index: i, generation: s.generation}
	wake := q.sleeping > 0
	q.mu.Unlock()
	if wake {
		q.ready.Signal()
	}
	return p, true
}

// Pop takes the oldest value, waiting for one. It reports false when the queue
// is closed and empty, and when quit is set (nil means never): a worker that is
// no longer wanted takes nothing more. After setting quit, call Wake.
func (q *Queue[T]) Pop(quit *atomic.Bool) (v T, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		if quit != nil && quit.Load() {
			return v, false
		}
		if q.length > 0 {
			return q.take(q.slots[0].next), true
		}
		if q.closed {
			return v, false
		}
		q.sleeping++
		q.ready.Wait()
		q.sleeping--
	}
}

// Wake makes every goroutine in Pop look at its quit mark. It holds mu: who has
// looked and does not sleep yet would miss it, and take the next Push's signal
// away from a goroutine that wants the value.
func (q *Queue[T]) Wake() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.ready.Broadcast()
}

// Remove takes the value at p out of the middle. It reports false when the
// value is no longer there: somebody else took it and owns it now.
func (q *Queue[T]) Remove(p Place) (v T, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if p.generation == 0 || int(p.index) >= len(q.slots) ||
		q.slots[p.index].generation != p.generation {
		return v, false
	}
	return q.take(p.index), true
}

// take unlinks slot i and frees it; mu is held.
func (q *Queue[T]) take(i int32) T {
	s := &q.slots[i]
	v := s.value
	q.slots[s.prev].next = s.next
	q.slots[s.next].prev = s.prev
	*s = slot[T]{next: q.free}
	q.free = i
	q.length--
	return v
}

// Len is the number of waiting values.
func (q *Queue[T]) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.length
}

// Close refuses further values and, once the waiting ones are taken, ends every
// Pop with false.
func (q *Queue[T]) Close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.ready.Broadcast()
}
