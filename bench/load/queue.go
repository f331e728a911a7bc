package load

import "container/heap"

// ring is a queue that grows as needed and reuses its space.
type ring[T any] struct {
	items []T
	head  int
	n     int
}

func (r *ring[T]) len() int { return r.n }

func (r *ring[T]) push(v T) {
	if r.n == len(r.items) {
		grown := make([]T, max(64, 2*len(r.items)))
		copied := copy(grown, r.items[r.head:])
		copy(grown[copied:], r.items[:r.head])
		r.items, r.head = grown, 0
	}
	r.items[(r.head+r.n)%len(r.items)] = v
	r.n++
}

// pop returns the oldest; the ring must not be empty.
func (r *ring[T]) pop() T {
	v := r.items[r.head]
	r.head = (r.head + 1) % len(r.items)
	r.n--
	return v
}

// timer is something to do with a slot at a time.
type timer struct {
	at     int64
	slot   int
	resume bool // read on; else connect again
}

// timerHeap gives timers in the order of their times.
type timerHeap struct{ h timerSlice }

func (t *timerHeap) empty() bool  { return len(t.h) == 0 }
func (t *timerHeap) push(x timer) { heap.Push(&t.h, x) }
func (t *timerHeap) pop() timer   { return heap.Pop(&t.h).(timer) }

func (t *timerHeap) next() (at int64, ok bool) {
	if len(t.h) == 0 {
		return 0, false
	}
	return t.h[0].at, true
}

// timerSlice implements heap.Interface.
type timerSlice []timer

func (s timerSlice) Len() int           { return len(s) }
func (s timerSlice) Less(i, j int) bool { return s[i].at < s[j].at }
func (s timerSlice) Swap(i, j int)      { s[i], s[j] = s[j], s[i] }
func (s *timerSlice) Push(x any)        { *s = append(*s, x.(timer)) }

func (s *timerSlice) Pop() any {
	last := len(*s) - 1
	x := (*s)[last]
	*s = (*s)[:last]
	return x
}
