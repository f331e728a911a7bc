package llamacpp

import (
	"sync"

	"inferd/engine"
	"inferd/engine/llamacpp/internal/sched"
)

// stream carries one request's tokens from the goroutine that receives the steps'
// events to the client: straight to the sink, or, while that has no room or the
// request's own goroutine is at it, through a mailbox that this goroutine empties. So
// a token costs no change of goroutines, and a client that reads slowly stops no other.
type stream struct {
	out  engine.Sink
	wake chan struct{} // buffered 1: there is something to take

	mu sync.Mutex
	// guarded by mu
	text    []byte // the mailbox
	sizes   []int  // of the pieces in text
	taken   bool   // the request's goroutine has what was in the mailbox, and the sink
	started bool   // the sink has had a token
	failed  error  // the sink wants no more
	done    bool
	last    sched.Event // if done; its Text went into text
}

func newStream(out engine.Sink) *stream {
	return &stream{out: out, wake: make(chan struct{}, 1)}
}

// put passes an event on and never blocks.
func (s *stream) put(e sched.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done {
		return
	}
	// The last text waits for the answer's end, which the request's goroutine makes.
	if len(e.Text) > 0 && (e.Done || !s.offer(e.Text)) {
		s.text = append(s.text, e.Text...)
		s.sizes = append(s.sizes, len(e.Text))
	}
	if e.Done {
		s.done, s.last = true, e
		s.last.Text = nil
	}
	if s.done || s.failed != nil || len(s.text) > 0 {
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
}

// offer says whether nothing is left to do for text; mu is held.
func (s *stream) offer(text []byte) bool {
	if s.failed != nil {
		return true
	}
	if s.taken || len(s.text) > 0 {
		return false
	}
	err := s.out.Offer(text)
	if err == engine.ErrFull {
		return false
	}
	s.started, s.failed = s.started || err == nil, err
	return true
}

// batch is what is taken out of a mailbox at once.
type batch struct {
	text  []byte
	sizes []int
}

// empty gives what is in the mailbox to the sink. It returns why the sink wants no
// more, and whether this was the end; then last and started do not change any more.
func (s *stream) empty(b *batch) (done bool, failed error) {
	s.mu.Lock()
	s.text, b.text = b.text[:0], s.text
	s.sizes, b.sizes = b.sizes[:0], s.sizes
	done, failed = s.done, s.failed
	s.taken = true
	s.mu.Unlock()
	started, text := false, b.text
	for i, n := range b.sizes {
		if failed != nil {
			break
		}
		if failed = s.out.Token(text[:n], done || i+1 < len(b.sizes)); failed == nil {
			started, text = true, text[n:]
		}
	}
	s.mu.Lock()
	s.taken, s.failed = false, failed
	s.started = s.started || started
	s.mu.Unlock()
	return done, failed
}

// fail makes err the reason why nothing more goes to the sink.
func (s *stream) fail(err error) {
	s.mu.Lock()
	s.failed = err
	s.mu.Unlock()
}
