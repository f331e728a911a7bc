package engine

import (
	"slices"
	"sync"

	"go.uber.org/atomic"
)

// Source is where workers take their tasks from; admit.Queue is one.
type Source[T any] interface {
	// Pop waits for the oldest task. It reports false when there will be none
	// any more or quit is set.
	Pop(quit *atomic.Bool) (T, bool)
	// Wake makes every waiting Pop look at its quit mark.
	Wake()
}

// Pool runs tasks on as many worker goroutines as there are permits: a task has
// its worker to itself from beginning to end, so a task can run only while
// fewer than permits others do.
type Pool[T any] struct {
	source Source[T]
	newRun func() func(T) // gives each worker what runs its tasks
	// onPanic is told what run panicked with; the worker goes on with the next
	// task, so a worker is never lost.
	onPanic func(T, any)

	wg sync.WaitGroup
	mu sync.Mutex
	// guarded by mu
	workers []*worker // may take tasks
	surplus []*worker // have been asked to quit and have not ended yet
}

// worker is one goroutine as the pool sees it.
type worker struct {
	quit atomic.Bool // written with the pool's mu held; Pop reads it
	// kept, guarded by the pool's mu: it was asked to quit and then to stay. It may
	// have heard only the first.
	kept bool
}

// NewPool starts permits workers, at least one. Each asks newRun once for what runs its
// tasks, which may keep something from one task to the next. newRun, what it returns
// and onPanic run on the worker.
func NewPool[T any](
	s Source[T], permits int, newRun func() func(T), onPanic func(T, any),
) *Pool[T] {
	p := &Pool[T]{source: s, newRun: newRun, onPanic: onPanic}
	p.Resize(permits)
	return p
}

// Resize changes the number of workers, at least one. Surplus workers end after
// the task they are in and take no other. Those that are still in one when more
// are wanted again stay, so that no more tasks run than there are permits, or than
// ran already.
func (p *Pool[T]) Resize(permits int) {
	permits = max(permits, 1)
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.workers) < permits {
		p.workers = append(p.workers, p.keepOrStart())
	}
	for _, w := range p.workers[permits:] {
		w.quit.Store(true)
		w.kept = false
		p.surplus = append(p.surplus, w)
	}
	clear(p.workers[permits:])
	p.workers = p.workers[:permits]
	p.source.Wake()
}

// keepOrStart gives one more worker; mu is held.
func (p *Pool[T]) keepOrStart() *worker {
	if last := len(p.surplus) - 1; last >= 0 {
		w := p.surplus[last]
		p.surplus[last] = nil
		p.surplus = p.surplus[:last]
		w.kept = true
		w.quit.Store(false)
		return w
	}
	w := new(worker)
	p.wg.Go(func() { p.work(w) })
	return w
}

// leaves says whether w, which got no task, ends. If so it counts no more.
func (p *Pool[T]) leaves(w *worker) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if w.kept {
		w.kept = false
		return false // the next Pop tells whether the source has ended
	}
	is := func(other *worker) bool { return other == w }
	p.workers = slices.DeleteFunc(p.workers, is)
	p.surplus = slices.DeleteFunc(p.surplus, is)
	return true
}

// Wait returns when the source has ended and every worker with it.
func (p *Pool[T]) Wait() { p.wg.Wait() }

func (p *Pool[T]) work(w *worker) {
	run := p.newRun()
	for {
		task, ok := p.source.Pop(&w.quit)
		if ok {
			p.runContained(run, task)
		} else if p.leaves(w) {
			return
		}
	}
}

func (p *Pool[T]) runContained(run func(T), task T) {
	defer func() {
		if r := recover(); r != nil {
			p.onPanic(task, r)
		}
	}()
	run(task)
}
