package llamacpp

import (
	"sync"

	"inferd/engine/llamacpp/internal/sched"
)

// stream is one request's mailbox: filled by the goroutine that receives the
// steps' events, emptied by the request's own.
type stream struct {
	wake chan struct{} // buffered 1

	mu    sync.Mutex
	text  []byte
	sizes []int // of the pieces in text
	done  bool
	last  sched.Event // if done; its Text went into text
}

func newStream() *stream { return &stream{wake: make(chan struct{}, 1)} }

// put adds an event and never blocks.
func (s *stream) put(e sched.Event) {
	s.mu.Lock()
	if !s.done {
		if len(e.Text) > 0 {
			s.text = append(s.text, e.Text...)
			s.sizes = append(s.sizes, len(e.Text))
		}
		if e.Done {
			s.done, s.last = true, e
			s.last.Text = nil
		}
	}
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// batch is what a reader takes out at once.
type batch struct {
	text  []byte
	sizes []int
}

// take swaps the mailbox's contents with the emptied batch.
func (s *stream) take(b *batch) (done bool, last sched.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text, b.text = b.text[:0], s.text
	s.sizes, b.sizes = b.sizes[:0], s.sizes
	return s.done, s.last
}
