package admit

import (
	"runtime"
	"sync"
	"testing"
	"testing/synctest"

	"go.uber.org/atomic"
	"pgregory.net/rapid"
)

// value makes something to push.
func value[T any](v T) *Waiter[T] { return &Waiter[T]{Value: v} }

func TestQueue_AgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := NewQueue[int]()
		var model, gone []*Waiter[int]
		pop := func(t *rapid.T) {
			v, ok := q.Pop(nil)
			if !ok || v != model[0].Value {
				t.Fatalf("Pop = %d, %v, want %d", v, ok, model[0].Value)
			}
			gone = append(gone, model[0])
			model = model[1:]
		}
		next := 0
		t.Repeat(map[string]func(*rapid.T){
			"push": func(t *rapid.T) {
				next++
				w := value(next)
				if n := len(gone); n > 0 && next%2 == 0 { // again
					w, gone = gone[n-1], gone[:n-1]
				}
				if !q.Push(w) {
					t.Fatal("an open queue took nothing")
				}
				model = append(model, w)
			},
			"pop": func(t *rapid.T) {
				if len(model) == 0 {
					t.Skip("would wait")
				}
				pop(t)
			},
			"remove": func(t *rapid.T) {
				if len(model) == 0 {
					t.Skip("empty")
				}
				i := rapid.IntRange(0, len(model)-1).Draw(t, "which")
				if !q.Remove(model[i]) {
					t.Fatalf("%d, which waits, was not removed", model[i].Value)
				}
				gone = append(gone, model[i])
				model = append(model[:i:i], model[i+1:]...)
			},
			"remove what is gone": func(t *rapid.T) {
				for _, w := range gone {
					if q.Remove(w) {
						t.Fatalf("removed %d twice", w.Value)
					}
				}
			},
		})
		for len(model) > 0 {
			pop(t)
		}
		q.Close()
		if v, ok := q.Pop(nil); ok {
			t.Fatalf("%d came out twice", v)
		}
	})
}

func TestQueue_PushedTwice(t *testing.T) {
	q, w := NewQueue[int](), value(1)
	q.Push(w)
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
		if v, ok := q.Pop(nil); !ok || v != 1 {
			t.Errorf("Pop = %d, %v: the queue is damaged", v, ok)
		}
	}()
	q.Push(w)
}

func TestQueue_PopWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := NewQueue[int]()
		got := make(chan int, 2)
		go func() {
			v, _ := q.Pop(nil)
			got <- v
		}()
		synctest.Wait()
		select {
		case v := <-got:
			t.Fatalf("Pop of an empty queue returned %d", v)
		default:
		}
		q.Push(value(7))
		if v := <-got; v != 7 {
			t.Fatalf("got %d", v)
		}
	})
}

func TestQueue_Quit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := NewQueue[int]()
		var quit atomic.Bool
		done := make(chan bool)
		go func() { _, ok := q.Pop(&quit); done <- ok }()
		synctest.Wait()
		quit.Store(true)
		q.Wake()
		if <-done {
			t.Error("Pop took a value after its quit mark was set")
		}
		q.Push(value(1))
		if _, ok := q.Pop(&quit); ok {
			t.Error("Pop took a waiting value in spite of its quit mark")
		}
		if v, ok := q.Pop(nil); !ok || v != 1 {
			t.Error("the value left behind was lost")
		}
	})
}

// TestQueue_EachCallsTheNext: only one goroutine is woken at a time, and yet as many
// come as there are values, if none of them comes back for a second one.
func TestQueue_EachCallsTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const poppers = 8
		q := NewQueue[int]()
		var quit [poppers]atomic.Bool
		var taken, left atomic.Int64
		for i := range poppers {
			go func() {
				if _, ok := q.Pop(&quit[i]); ok {
					taken.Inc()
				} else {
					left.Inc()
				}
			}()
			synctest.Wait() // they are woken in the order in which they came
		}
		f := func(push, wantTaken, wantLeft int64) {
			t.Helper()
			for range push {
				q.Push(value(1))
			}
			synctest.Wait()
			if got, gone := taken.Load(), left.Load(); got != wantTaken || gone != wantLeft {
				t.Errorf("%d taken, %d left; want %d, %d", got, gone, wantTaken, wantLeft)
			}
		}
		f(1, 1, 0)
		f(3, 4, 0)
		for i := range poppers - 1 { // whoever is woken and does not want it passes it on
			quit[i].Store(true)
		}
		f(1, 5, 3)
		q.Close()
	})
}

// TestQueue_WakeMissesNobody: a Pop that has looked at its quit mark holds the lock
// until it sleeps, and Wake has to wait for that.
func TestQueue_WakeMissesNobody(t *testing.T) {
	q := NewQueue[int]()
	var woken atomic.Bool
	done := make(chan struct{})
	q.mu.Lock() // somebody in Pop has looked
	go func() { defer close(done); q.Wake(); woken.Store(true) }()
	for range 1000 {
		runtime.Gosched()
	}
	if woken.Load() {
		t.Error("Wake did not wait for who is about to sleep")
	}
	q.mu.Unlock()
	<-done
}

func TestQueue_Close(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := NewQueue[int]()
		q.Push(value(1))
		q.Close()
		if q.Push(value(2)) {
			t.Error("a closed queue took a value")
		}
		if v, ok := q.Pop(nil); !ok || v != 1 {
			t.Errorf("Pop = %d, %v: a closed queue lost what it held", v, ok)
		}
		if _, ok := q.Pop(nil); ok {
			t.Error("Pop of a closed, empty queue said ok")
		}
		waiting := NewQueue[int]()
		done := make(chan bool)
		go func() { _, ok := waiting.Pop(nil); done <- ok }()
		synctest.Wait()
		waiting.Close()
		if <-done {
			t.Error("Close did not end a waiting Pop")
		}
	})
}

// TestQueue_Contended: every value comes out exactly once, by Pop or by Remove.
func TestQueue_Contended(t *testing.T) {
	const producers, consumers, each = 8, 4, 20_000
	q := NewQueue[int64]()
	places := make(chan struct{}, producers)
	var popped, removed, sum atomic.Int64
	var prod, cons sync.WaitGroup
	for range consumers {
		cons.Go(func() {
			for {
				v, ok := q.Pop(nil)
				if !ok {
					return
				}
				sum.Add(v)
				popped.Inc()
				<-places
			}
		})
	}
	for p := range producers {
		prod.Go(func() {
			for i := range each {
				places <- struct{}{}
				w := value(int64(p*each + i))
				if !q.Push(w) {
					t.Error("an open queue took nothing")
					return
				}
				if i%3 == 0 && q.Remove(w) {
					sum.Add(w.Value)
					removed.Inc()
					<-places
				}
			}
		})
	}
	prod.Wait()
	q.Close()
	cons.Wait()
	const n = int64(producers * each)
	if popped.Load()+removed.Load() != n || sum.Load() != n*(n-1)/2 {
		t.Errorf("%d popped + %d removed of %d, sum %d of %d",
			popped.Load(), removed.Load(), n, sum.Load(), n*(n-1)/2)
	}
}
