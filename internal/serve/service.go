package serve

import (
	"log/slog"
	"sync"

	"go.uber.org/atomic"

	"inferd/admit"
	"inferd/engine"
	"inferd/internal/activity"
	"inferd/internal/metrics"
	"inferd/route"
)

// Options of a Service.
type Options struct {
	ActivePermits int // requests running, at least 1
	QueueDepth    int // requests waiting
	Router        *route.Router
	Log           *activity.Log // nil logs nothing
	Metrics       *metrics.Set  // nil counts for nobody
	// OnPanic is told of contained panics of engines.
	OnPanic func(any)

	maxAnswer int // 0 is maxAnswerBytes; less in a test
}

// Service runs requests. Its methods may be called from any goroutine.
type Service struct {
	// immutable
	opt   Options
	gate  *admit.Gate
	queue *admit.Queue[*request]
	pool  *engine.Pool[*request]
	free  sync.Pool // *request
	met   *metrics.Set
	log   *slog.Logger

	ended atomic.Bool // Cut has begun
}

// New starts the workers.
func New(o Options) *Service {
	s := &Service{opt: o, gate: admit.NewGate(o.ActivePermits, o.QueueDepth), met: o.Metrics}
	if s.met == nil {
		s.met = metrics.New(metrics.Options{})
	}
	s.log = o.Log.Logger("serve")
	if s.opt.OnPanic == nil {
		s.opt.OnPanic = func(any) {}
	}
	if s.opt.maxAnswer == 0 {
		s.opt.maxAnswer = maxAnswerBytes
	}
	s.free.New = func() any {
		r := &request{svc: s, ctx: new(cancelContext)}
		r.waiter.Value = r
		return r
	}
	s.queue = admit.NewQueue[*request]()
	s.pool = engine.NewPool(s.queue, o.ActivePermits, newWorker, (*request).panicked)
	return s
}

// Gate is the service's admission gate, for its numbers and for closing it.
func (s *Service) Gate() *admit.Gate { return s.gate }

// Resize changes how many requests run and wait, at run time.
func (s *Service) Resize(activePermits, queueDepth int) {
	s.gate.Resize(activePermits, queueDepth)
	s.pool.Resize(activePermits)
}

// Stop ends the workers once the queue is empty. Close the gate and wait for it
// to be idle first: a request admitted later would be dropped.
func (s *Service) Stop() {
	s.gate.Close()
	s.queue.Close()
	s.pool.Wait()
}
