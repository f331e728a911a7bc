package sched

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"go.uber.org/atomic"

	"inferd/engine"
)

// Context is the model's cache and compute, as package llama gives it.
type Context interface {
	Set(i int, token int32, pos, seq int, logits bool)
	Decode(n int) error
	Sample(s Sampler, i int) (int32, error) // a token; an error ends its job
	Truncate(seq, keep int) bool
	Arm()
	Abort()
}

// Vocabulary tells what a token means.
type Vocabulary interface {
	Piece(token int32) string
	IsEOG(token int32) bool
}

// Sampler chooses tokens for one sequence.
type Sampler interface{ Free() }

// ErrAborted is what [Context.Decode] returns after Abort.
var ErrAborted = errors.New("step aborted")

// ErrClosed refuses a job after Stop.
var ErrClosed = errors.New("scheduler stopped")

// ErrFull refuses a job while too many wait.
var ErrFull = errors.New("too many requests wait for a sequence")

// ErrDecode ends the jobs of a step that llama.cpp could not compute.
var ErrDecode = errors.New("the model could not compute a step")

// Job is one generation. After Submit it belongs to the scheduler, which frees
// the sampler.
type Job struct {
	ID        uint64 // unique among the jobs in flight
	Prompt    []int32
	Sampler   Sampler
	MaxTokens int // at least 1

	cancelled atomic.Bool
}

// Event is output of one job. Text is whole characters, valid during the
// callback only.
type Event struct {
	ID   uint64
	Text []byte
	Done bool // the last event of the job; Stop, Usage, Err and Full are set

	Stop  engine.StopReason
	Usage engine.Usage
	Full  bool  // stopped because the context is full
	Err   error // the job failed
}

// Stats are counted since the start.
type Stats struct {
	Steps, Tokens, PromptTokens, CachedPromptTokens uint64
	Sequences                                       int64 // running now
}

// Config sizes a scheduler.
type Config struct {
	Sequences     int
	CtxPerSeq     int // tokens
	Batch         int // tokens a step; at least Sequences
	NoPrefixReuse bool
	// Emit takes a step's events on the Run goroutine.
	Emit func([]Event)
}

// Scheduler shares one context among jobs.
type Scheduler struct {
	// immutable
	cfg   Config
	ctx   Context
	vocab Vocabulary

	// owned by Run
	slots    []*slot
	active   int
	step     uint64
	turn     int           // whose prompt slice comes first, rotating
	perToken time.Duration // smoothed cost of a prompt token; 0 unknown
	failed   int           // steps in a row
	aborted  bool          // the last step
	events   []Event

	// shared
	mu      sync.Mutex
	waiting []*Job          // FIFO
	jobs    map[uint64]*Job // waiting and running, for Cancel
	closed  bool
	wake    chan struct{} // buffered 1
	changed atomic.Bool   // waiting or a cancellation flag has news
	long    atomic.Bool   // the step in progress is worth aborting

	steps, tokens, promptTokens, cachedTokens atomic.Uint64
	sequences                                 atomic.Int64
}

// New makes a scheduler; Run starts it.
func New(ctx Context, vocab Vocabulary, cfg Config) *Scheduler {
	s := &Scheduler{
		cfg: cfg, ctx: ctx, vocab: vocab,
		jobs: make(map[uint64]*Job), wake: make(chan struct{}, 1),
	}
	for range cfg.Sequences {
		s.slots = append(s.slots, &slot{})
	}
	return s
}

// Stats reads the counters.
func (s *Scheduler) Stats() Stats {
	return Stats{
		Steps: s.steps.Load(), Tokens: s.tokens.Load(), PromptTokens: s.promptTokens.Load(),
		CachedPromptTokens: s.cachedTokens.Load(), Sequences: s.sequences.Load(),
	}
}

// Submit queues a job. On an error the sampler is freed and no event comes.
func (s *Scheduler) Submit(j *Job) error {
	s.mu.Lock()
	err := s.enqueue(j)
	s.mu.Unlock()
	if err != nil {
		j.Sampler.Free()
		return err
	}
	s.notify()
	return nil
}

func (s *Scheduler) enqueue(j *Job) error {
	switch {
	case s.closed:
		return ErrClosed
	case len(s.waiting) >= maxWaiting:
		return ErrFull
	case len(j.Prompt) == 0 || len(j.Prompt) > s.cfg.CtxPerSeq || j.MaxTokens < 1:
		return fmt.Errorf("job of %d prompt tokens and %d to make does not fit a context of %d",
			len(j.Prompt), j.MaxTokens, s.cfg.CtxPerSeq)
	case s.jobs[j.ID] != nil:
		return fmt.Errorf("job %d is already running", j.ID)
	}
	s.jobs[j.ID] = j
	s.waiting = append(s.waiting, j)
	return nil
}

// Cancel ends a job within one step; its last event says StopCancelled. An
// unknown id (already done) is ignored.
func (s *Scheduler) Cancel(id uint64) {
	s.mu.Lock()
	j := s.jobs[id]
	s.mu.Unlock()
	if j == nil {
		return
	}
	j.cancelled.Store(true)
	if s.long.Load() {
		s.ctx.Abort()
	}
	s.notify()
}

// Stop makes Run end every job and return. It does not wait.
func (s *Scheduler) Stop() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	if s.long.Load() {
		s.ctx.Abort()
	}
	s.notify()
}

func (s *Scheduler) notify() {
	s.changed.Store(true)
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Run computes until Stop, or until steps fail again and again; then the error says why.
// It keeps its operating-system thread: ggml's compute thread is the caller's, and moving
// it would cost its caches.
func (s *Scheduler) Run() error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for {
		s.ctx.Arm()
		if s.changed.Swap(false) {
			if closed := s.takeNews(); closed {
				s.endAll(ErrClosed)
				return nil
			}
		}
		if s.active == 0 {
			s.flush()
			<-s.wake
			continue
		}
		if err := s.runStep(); err != nil {
			s.endAll(err)
			return err
		}
		s.flush()
	}
}

func (s *Scheduler) flush() {
	if len(s.events) > 0 {
		s.cfg.Emit(s.events)
		clear(s.events)
		s.events = s.events[:0]
	}
}

// takeNews drops what was cancelled and gives free slots to waiting jobs.
func (s *Scheduler) takeNews() (closed bool) {
	for i, sl := range s.slots {
		if sl.job != nil && sl.job.cancelled.Load() {
			s.finish(i, Event{Stop: engine.StopCancelled})
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := s.waiting[:0]
	for _, j := range s.waiting {
		switch {
		case j.cancelled.Load():
			j.Sampler.Free()
			delete(s.jobs, j.ID)
			s.events = append(s.events, Event{ID: j.ID, Done: true, Stop: engine.StopCancelled})
		case s.active < len(s.slots):
			s.admit(j)
		default:
			kept = append(kept, j)
		}
	}
	clear(s.waiting[len(kept):])
	s.waiting = kept
	return s.closed
}

// admit puts a job in the slot whose cache helps it most.
func (s *Scheduler) admit(j *Job) {
	sl, keep := pick(s.slots, j.Prompt, !s.cfg.NoPrefixReuse)
	seq := s.index(sl)
	if !s.ctx.Truncate(seq, keep) {
		keep = 0
		s.ctx.Truncate(seq, 0)
	}
	sl.job = j
	sl.tokens = append(sl.tokens[:0], j.Prompt...)
	sl.cached, sl.prompt, sl.reused, sl.generated = keep, len(j.Prompt), keep, 0
	sl.text = joiner{}
	s.active++
	s.sequences.Store(int64(s.active))
	s.promptTokens.Add(uint64(sl.prompt))
	s.cachedTokens.Add(uint64(keep))
}

func (s *Scheduler) index(sl *slot) int {
	for i := range s.slots {
		if s.slots[i] == sl {
			return i
		}
	}
	panic("sched: slot of another scheduler")
}

// finish ends the job in slot i; what is in the cache stays for the next one.
func (s *Scheduler) finish(i int, e Event) {
	sl := s.slots[i]
	e.ID, e.Done = sl.job.ID, true
	e.Usage = engine.Usage{
		PromptTokens: uint32(sl.prompt), CompletionTokens: uint32(sl.generated),
		CachedPromptTokens: uint32(sl.reused),
	}
	if e.Text == nil && e.Err == nil && e.Stop != engine.StopCancelled {
		e.Text = sl.text.end()
	}
	s.events = append(s.events, e)
	sl.job.Sampler.Free()
	s.mu.Lock()
	delete(s.jobs, sl.job.ID)
	s.mu.Unlock()
	sl.job = nil
	sl.tokens = sl.tokens[:sl.cached]
	sl.used = s.step
	s.active--
	s.sequences.Store(int64(s.active))
	s.changed.Store(true) // a slot is free: look at the waiting ones
}

// endAll ends every job with err.
func (s *Scheduler) endAll(err error) {
	for i, sl := range s.slots {
		if sl.job != nil {
			s.finish(i, Event{Err: err})
		}
	}
	s.mu.Lock()
	s.closed = true
	for _, j := range s.waiting {
		j.Sampler.Free()
		delete(s.jobs, j.ID)
		s.events = append(s.events, Event{ID: j.ID, Done: true, Err: err})
	}
	s.waiting = nil
	s.mu.Unlock()
	s.flush()
}
