package admit

import (
	"runtime"
	"sync"
	"testing"
	"testing/synctest"

	"go.uber.org/atomic"
	"pgregory.net/rapid"
)

func TestQueue_AgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		capacity := rapid.IntRange(1, 6).Draw(t, "capacity")
		q := NewQueue[int](capacity)
		type entry struct {
			v int
			p Place
		}
		var model []entry
		var gone []Place
		next := 0
		t.Repeat(map[string]func(*rapid.T){
			"push": func(t *rapid.T) {
				next++
				p, ok := q.Push(next)
				if ok != (len(model) < capacity) {
					t.Fatalf("Push = %v with %d of %d", ok, len(model), capacity)
				}
				if ok {
					model = append(model, entry{next, p})
				}
			},
			"pop": func(t *rapid.T) {
				if len(model) == 0 {
					t.Skip("would wait")
				}
				v, ok := q.Pop(nil)
				if !ok || v != model[0].v {
					t.Fatalf("Pop = %d, %v, want %d", v, ok, model[0].v)
				}
				gone = append(gone, model[0].p)
				model = model[1:]
			},
			"remove": func(t *rapid.T) {
				if len(model) == 0 {
					t.Skip("empty")
				}
				i := rapid.IntRange(0, len(model)-1).Draw(t, "which")
				v, ok := q.Remove(model[i].p)
				if !ok || v != model[i].v {
					t.Fatalf("Remove = %d, %v, want %d", v, ok, model[i].v)
				}
				gone = append(gone, model[i].p)
				model = append(model[:i:i], model[i+1:]...)
			},
			"remove what is gone": func(t *rapid.T) {
				for _, p := range gone {
					if _, ok := q.Remove(p); ok {
						t.Fatalf("removed %v twice", p)
					}
				}
			},
			"grow": func(t *rapid.T) {
				if capacity < 12 {
					capacity++
					q.Grow(capacity)
				}
			},
			"": func(t *rapid.T) {
				if q.Len() != len(model) {
					t.Fatalf("Len() = %d, model has %d", q.Len(), len(model))
				}
			},
		})
	})
}

func TestQueue_PopWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := NewQueue[int](1)
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
		q.Push(7)
		if v := <-got; v != 7 {
			t.Fatalf("got %d", v)
		}
	})
}

func TestQueue_Quit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := NewQueue[int](1)
		var quit atomic.Bool
		done := make(chan bool)
		go func() { _, ok := q.Pop(&quit); done <- ok }()
		synctest.Wait()
		quit.Store(true)
		q.Wake()
		if <-done {
			t.Error("Pop took a value after its quit mark was set")
		}
		q.Push(1)
		if _, ok := q.Pop(&quit); ok {
			t.Error("Pop took a waiting value in spite of its quit mark")
		}
		if v, ok := q.Pop(nil); !ok || v != 1 {
			t.Error("the value left behind was lost")
		}
	})
}

// TestQueue_WakeMissesNobody: a Pop that has looked at its quit mark holds the lock
// until it sleeps, and Wake has to wait for that.
func TestQueue_WakeMissesNobody(t *testing.T) {
	q := NewQueue[int](1)
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
		q := NewQueue[int](2)
		q.Push(1)
		q.Close()
		if _, ok := q.Push(2); ok {
			t.Error("a closed queue took a value")
		}
		if v, ok := q.Pop(nil); !ok || v != 1 {
			t.Errorf("Pop = %d, %v: a closed queue lost what it held", v, ok)
		}
		if _, ok := q.Pop(nil); ok {
			t.Error("Pop of a closed, empty queue said ok")
		}
		waiting := NewQueue[int](1)
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
	q := NewQueue[int64](producers)
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
				at, ok := q.Push(int64(p*each + i))
				if !ok {
					t.Error("no room although a place was held")
					return
				}
				if i%3 == 0 {
					if v, ok := q.Remove(at); ok {
						sum.Add(v)
						removed.Inc()
						<-places
					}
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
