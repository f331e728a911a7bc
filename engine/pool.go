package engine

import (
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
	run    func(T)
	// onPanic is told what run panicked with; the worker goes on with the next
	// task, so a worker is never lost.
	onPanic func(T, any)

	wg sync.WaitGroup
	mu sync.Mutex
	// guarded by mu: the quit mark of each worker that may take tasks
	workers []*atomic.Bool
}

// NewPool starts permits workers, at least one. onPanic runs on the worker.
func NewPool[T any](s Source[T], permits int, run func(T), onPanic func(T, any)) *Pool[T] {
	p := &Pool[T]{source: s, run: run, onPanic: onPanic}
	p.Resize(permits)
	return p
}

// Resize changes the number of workers, at least one. Surplus workers end after
// the task they are in and take no other.
func (p *Pool[T]) Resize(permits int) {
	permits = max(permits, 1)
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.workers) < permits {
		quit := new(atomic.Bool)
		p.workers = append(p.workers, quit)
		p.wg.Go(func() { p.work(quit) })
	}
	for _, quit := range p.workers[permits:] {
		quit.Store(true)
	}
	p.workers = p.workers[:permits]
	p.source.Wake()
}

// Wait returns when the source has ended and every worker with it.
func (p *Pool[T]) Wait() { p.wg.Wait() }

func (p *Pool[T]) work(quit *atomic.Bool) {
	for {
		task, ok := p.source.Pop(quit)
		if !ok {
			return
		}
		p.runContained(task)
	}
}

func (p *Pool[T]) runContained(task T) {
	defer func() {
		if r := recover(); r != nil {
			p.onPanic(task, r)
		}
	}()
	p.run(task)
}
