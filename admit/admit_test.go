package admit

import (
	"sync"
	"testing"
	"time"

	"go.uber.org/atomic"
	"pgregory.net/rapid"
)

func TestGate_Capacity(t *testing.T) {
	f := func(active, depth, want int) {
		t.Helper()
		g := NewGate(active, depth)
		if got := g.Capacity(); got != want {
			t.Errorf("NewGate(%d, %d).Capacity() = %d, want %d", active, depth, got, want)
		}
		tickets := make([]Ticket, want+1)
		for i := range want {
			if v := g.Try(&tickets[i]); v != Admitted {
				t.Fatalf("NewGate(%d, %d): try %d of %d: verdict %d", active, depth, i+1, want, v)
			}
			if g.Count() != i+1 {
				t.Errorf("Count() = %d after %d tries", g.Count(), i+1)
			}
		}
		if v := g.Try(&tickets[want]); v != Full {
			t.Errorf("NewGate(%d, %d): try above capacity: verdict %d, want Full", active, depth, v)
		}
		tickets[0].Release()
		if v := g.Try(&tickets[0]); v != Admitted {
			t.Errorf("NewGate(%d, %d): a released place is not given again: %d", active, depth, v)
		}
	}
	f(1, 2, 3)
	f(0, 0, 1)
	f(-5, -5, 1)
	f(8, 0, 8)
	f(1, 10, 11)
}

func TestGate_Closed(t *testing.T) {
	g := NewGate(1, 1)
	var held, refused Ticket
	g.Try(&held)
	g.Close()
	if v := g.Try(&refused); v != Closed {
		t.Fatalf("closed gate answers %d", v)
	}
	select {
	case <-g.Idle():
		t.Fatal("idle with a ticket out")
	default:
	}
	held.Release()
	<-g.Idle()
	g.Close() // again: no panic
	if empty := NewGate(1, 1); true {
		empty.Close()
		<-empty.Idle()
	}
}

func TestTicket_Misuse(t *testing.T) {
	f := func(want string, misuse func(*Gate, *Ticket)) {
		t.Helper()
		defer func() {
			if got := recover(); got != want {
				t.Errorf("recovered %v, want %q", got, want)
			}
		}()
		g := NewGate(2, 2)
		var tk Ticket
		g.Try(&tk)
		misuse(g, &tk)
	}
	f("admit: ticket released twice", func(_ *Gate, tk *Ticket) { tk.Release(); tk.Release() })
	f("admit: ticket is already held", func(g *Gate, tk *Ticket) { g.Try(tk) })
}

func TestGate_LoadAndRetryAfter(t *testing.T) {
	g := NewGate(2, 3)
	if d := g.RetryAfter(); d != unknownRetryAfter {
		t.Errorf("RetryAfter before any sample = %v", d)
	}
	tickets := make([]Ticket, 5)
	for i := range tickets {
		g.Try(&tickets[i])
	}
	if a, q := g.Load(); a != 2 || q != 3 {
		t.Errorf("Load() = %d, %d, want 2, 3", a, q)
	}
	g.Served(time.Second)
	// Three wait, one more would: four services on two workers.
	if d := g.RetryAfter(); d != 2*time.Second {
		t.Errorf("RetryAfter() = %v, want 2s", d)
	}
	for range 200 {
		g.Served(time.Hour)
	}
	if d := g.RetryAfter(); d != maxRetryAfter {
		t.Errorf("RetryAfter() = %v, want the cap %v", d, maxRetryAfter)
	}
	for range 400 {
		g.Served(1)
	}
	if d := g.RetryAfter(); d != minRetryAfter {
		t.Errorf("RetryAfter() = %v, want the floor %v", d, minRetryAfter)
	}
}

func TestGate_Resize(t *testing.T) {
	g := NewGate(4, 0)
	tickets := make([]Ticket, 4)
	for i := range tickets {
		g.Try(&tickets[i])
	}
	g.Resize(1, 1)
	var extra Ticket
	for i := range tickets {
		if v := g.Try(&extra); v == Admitted {
			t.Fatalf("admitted with %d tickets out of 2", g.Count())
		}
		if tickets[i].Release(); g.Count() < 2 {
			break
		}
	}
	if v := g.Try(&extra); v != Admitted {
		t.Fatalf("verdict %d below the new capacity", v)
	}
}

// TestGate_Contended is the exactness promise: many goroutines, never above
// capacity, nothing left over.
func TestGate_Contended(t *testing.T) {
	const goroutines, capacity = 64, 17
	rounds := 1_000_000 / goroutines
	if !testing.Short() && !raceEnabled {
		rounds = 10_000_000 / goroutines
	}
	g := NewGate(capacity, 0)
	var inside, worst, admitted atomic.Int64
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			var tk Ticket
			for range rounds {
				if g.Try(&tk) != Admitted {
					continue
				}
				n := inside.Inc()
				for w := worst.Load(); n > w && !worst.CompareAndSwap(w, n); w = worst.Load() {
				}
				admitted.Inc()
				inside.Dec()
				tk.Release()
			}
		})
	}
	wg.Wait()
	if worst.Load() > capacity {
		t.Errorf("%d inside at once, capacity %d", worst.Load(), capacity)
	}
	if g.Count() != 0 {
		t.Errorf("%d tickets left out", g.Count())
	}
	if admitted.Load() < int64(capacity) {
		t.Errorf("only %d admitted", admitted.Load())
	}
}

func TestGate_AgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		active := rapid.IntRange(0, 4).Draw(t, "active")
		depth := rapid.IntRange(0, 4).Draw(t, "depth")
		g := NewGate(active, depth)
		capacity, closed := max(active, 1)+depth, false
		var out []*Ticket
		t.Repeat(map[string]func(*rapid.T){
			"try": func(t *rapid.T) {
				want := Admitted
				if closed {
					want = Closed
				} else if len(out) >= capacity {
					want = Full
				}
				tk := new(Ticket)
				if got := g.Try(tk); got != want {
					t.Fatalf("verdict %d, model says %d", got, want)
				}
				if want == Admitted {
					out = append(out, tk)
				}
			},
			"release": func(t *rapid.T) {
				if len(out) == 0 {
					t.Skip("nothing held")
				}
				i := rapid.IntRange(0, len(out)-1).Draw(t, "which")
				out[i].Release()
				out = append(out[:i], out[i+1:]...)
			},
			"resize": func(t *rapid.T) {
				a := rapid.IntRange(1, 4).Draw(t, "a")
				d := rapid.IntRange(0, 4).Draw(t, "d")
				g.Resize(a, d)
				capacity = a + d
			},
			"close": func(t *rapid.T) {
				if rapid.IntRange(0, 9).Draw(t, "dice") == 0 {
					g.Close()
					closed = true
				}
			},
			"": func(t *rapid.T) {
				if g.Count() != len(out) {
					t.Fatalf("Count() = %d, model has %d", g.Count(), len(out))
				}
				idle := false
				select {
				case <-g.Idle():
					idle = true
				default:
				}
				if idle != (closed && len(out) == 0) {
					t.Fatalf("idle = %v with closed=%v and %d out", idle, closed, len(out))
				}
			},
		})
	})
}

func TestAdmit_NoAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	g, q := NewGate(1, 1), NewQueue[*Ticket]()
	var tk, tk2, tk3 Ticket
	w := value(&tk)
	f := func(what string, op func()) {
		t.Helper()
		if n := testing.AllocsPerRun(1000, op); n != 0 {
			t.Errorf("%s: %v allocations", what, n)
		}
	}
	f("admit, queue, pop, release", func() {
		g.Try(&tk)
		q.Push(w)
		v, _ := q.Pop(nil)
		v.Release()
	})
	f("admit, queue, remove, release", func() {
		g.Try(&tk)
		q.Push(w)
		q.Remove(w)
		tk.Release()
	})
	g.Try(&tk)
	g.Try(&tk2)
	f("reject", func() {
		if g.Try(&tk3) != Full {
			t.Fatal("not full")
		}
		_, _ = g.Load()
		_ = g.RetryAfter()
	})
}
