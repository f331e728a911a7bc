package engine_test

import (
	"testing"
	"testing/synctest"

	"go.uber.org/atomic"

	"inferd/admit"
	"inferd/engine"
)

func push[T any](q *admit.Queue[T], v T) { q.Push(&admit.Waiter[T]{Value: v}) }

// all gives every worker the same run.
func all[T any](run func(T)) func() func(T) { return func() func(T) { return run } }

func TestPool_RunsAsManyAsPermitted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := admit.NewQueue[chan struct{}]()
		var running, worst atomic.Int64
		p := engine.NewPool(q, 3, all(func(release chan struct{}) {
			if n := running.Inc(); n > worst.Load() {
				worst.Store(n)
			}
			<-release
			running.Dec()
		}), func(chan struct{}, any) {})
		gates := make([]chan struct{}, 16)
		for i := range gates {
			gates[i] = make(chan struct{})
			push(q, gates[i])
		}
		f := func(what string, want int64) {
			t.Helper()
			synctest.Wait()
			if got := running.Load(); got != want {
				t.Fatalf("%s: %d run, want %d", what, got, want)
			}
		}
		f("three permits", 3)
		p.Resize(5)
		f("grown to five", 5)
		p.Resize(2)
		f("shrunk: what runs goes on", 5)
		for _, g := range gates[:5] {
			close(g)
		}
		f("shrunk and the old ones done", 2)
		for _, g := range gates[5:] {
			close(g)
		}
		q.Close()
		p.Wait()
		if worst.Load() > 5 {
			t.Errorf("%d ran at once", worst.Load())
		}
	})
}

func TestPool_ShrinkWhileIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := admit.NewQueue[int]()
		var running atomic.Int64
		hold := make(chan struct{})
		p := engine.NewPool(q, 4, all(func(int) { running.Inc(); <-hold }), func(int, any) {})
		synctest.Wait() // all four wait for work
		p.Resize(1)
		for i := range 4 {
			push(q, i)
		}
		synctest.Wait()
		if n := running.Load(); n != 1 {
			t.Errorf("%d run on one permit", n)
		}
		close(hold)
		q.Close()
		p.Wait()
	})
}

// TestPool_ShrinkThenGrow: workers that finish what they are in while the pool is
// small count again when it grows; it used to start others beside them.
func TestPool_ShrinkThenGrow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const permits, tasks = 8, 2000
		q := admit.NewQueue[int]()
		var running, done atomic.Int64
		next := make(chan struct{})
		p := engine.NewPool(q, permits, all(func(int) {
			running.Inc()
			<-next
			running.Dec()
			done.Inc()
		}), func(int, any) {})
		for i := range tasks {
			push(q, i)
		}
		f := func(what string, want int64) {
			t.Helper()
			synctest.Wait()
			if got := running.Load(); got != want {
				t.Fatalf("%s: %d run, want %d", what, got, want)
			}
		}
		f("at first", permits)
		for range 3 {
			p.Resize(1)
			p.Resize(permits)
			f("shrunk and grown at once", permits)
		}
		p.Resize(1)
		f("shrunk", permits)
		endUntil := func(want int64) { // who was kept takes another task
			for running.Load() > want {
				next <- struct{}{}
				synctest.Wait()
			}
		}
		endUntil(5)
		p.Resize(permits)
		f("grown while five still run", permits)
		p.Resize(2)
		p.Resize(4)
		endUntil(4)
		next <- struct{}{}
		f("four permits", 4)
		close(next)
		q.Close()
		p.Wait()
		if done.Load() != tasks {
			t.Errorf("%d of %d tasks ran", done.Load(), tasks)
		}
	})
}

// TestPool_ResizeAtWill: whatever the sizes in between, every task runs and the
// last size holds.
func TestPool_ResizeAtWill(t *testing.T) {
	const tasks = 2000
	q := admit.NewQueue[int]()
	var done atomic.Int64
	p := engine.NewPool(q, 4, all(func(int) { done.Inc() }), func(int, any) {})
	for i := range tasks {
		push(q, i)
		p.Resize(1 + i*7%5)
	}
	q.Close()
	p.Wait()
	if done.Load() != tasks {
		t.Errorf("%d of %d tasks ran", done.Load(), tasks)
	}
}

func TestPool_PanicCostsOneTask(t *testing.T) {
	q := admit.NewQueue[string]()
	ran, panicked := make(chan string, 8), make(chan any, 8)
	p := engine.NewPool(q, 1, all(func(s string) {
		if s == "bad" {
			panic("boom")
		}
		ran <- s
	}), func(s string, r any) { panicked <- s + ":" + r.(string) })
	push(q, "bad")
	push(q, "good")
	if got := <-panicked; got != "bad:boom" {
		t.Errorf("onPanic got %q", got)
	}
	if got := <-ran; got != "good" {
		t.Errorf("after the panic %q ran", got)
	}
	q.Close()
	p.Wait()
}
