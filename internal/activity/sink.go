package activity

import (
	"bytes"
	"context"
	"sync"
	"time"

	"go.uber.org/atomic"
)

// output is where a sink's lines go. Only the sink's writer calls it.
type output interface {
	// write takes whole lines and returns how many bytes of whole lines it is
	// rid of; with an error, the rest is offered again later.
	write(lines []byte) (int, error)
	close() error
}

// sink is a bounded buffer of lines and the goroutine that writes them.
//
// Ownership: a producer owns buf from lock to unlock and appends one line. The
// writer swaps buf for an empty one under the same lock and owns the full one
// until it is written. Neither buffer ever grows.
type sink struct {
	// immutable
	out      output
	capacity int           // of each of the two buffers, in bytes
	delay    time.Duration // how long lines are collected; 0 writes at once
	onState  func(err error, dropped uint64)
	// report appends lines about what was left out to the fresh buffer; called
	// with mu held. May be nil.
	report func(buf []byte, dropped uint64) []byte

	wake    chan struct{} // capacity 1: the buffer is no longer empty
	half    chan struct{} // capacity 1: the buffer is half full
	closing chan struct{} // closed by close
	done    chan struct{} // closed when the writer has ended

	mu         sync.Mutex
	buf        []byte // guarded by mu
	unreported uint64 // guarded by mu; lines dropped since the last report
	closed     bool   // guarded by mu

	dropped atomic.Uint64 // lines dropped in all
	failing atomic.Error  // why the output fails now, nil if it works

	// owned by the writer
	spare []byte
}

func newSink(out output, capacity int, delay time.Duration) *sink {
	return &sink{
		out:      out,
		capacity: capacity,
		delay:    delay,
		wake:     make(chan struct{}, 1),
		half:     make(chan struct{}, 1),
		closing:  make(chan struct{}),
		done:     make(chan struct{}),
		buf:      make([]byte, 0, capacity),
	}
}

// room reports, with mu held, whether the longest line still fits within limit
// bytes of buffer, and counts a dropped line if not.
func (s *sink) room(limit int) bool {
	if !s.closed && len(s.buf)+maxLineBytes <= limit {
		return true
	}
	s.dropped.Inc()
	if !s.closed { // after the end there is nobody to report to
		s.unreported++
	}
	return false
}

// commit, with mu held, makes buf, now longer, the buffer and wakes the writer
// if it sleeps.
func (s *sink) commit(buf []byte) {
	before := len(s.buf)
	s.buf = buf
	if before == 0 && len(buf) > 0 {
		signal(s.wake)
	}
	if mid := cap(buf) / 2; before < mid && len(buf) >= mid {
		signal(s.half)
	}
}

// add appends one encoded line.
func (s *sink) add(line []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.room(cap(s.buf)) {
		s.commit(append(s.buf, line...))
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// run is the writer goroutine.
func (s *sink) run() {
	defer close(s.done)
	timer := time.NewTimer(0)
	<-timer.C
	for {
		select {
		case <-s.wake:
		case <-s.closing:
		}
		if s.delay > 0 {
			timer.Reset(s.delay)
			select {
			case <-timer.C:
			case <-s.half:
			case <-s.closing:
			}
			timer.Stop()
		}
		last := s.isClosing()
		if !s.flush(timer) || last {
			s.drain(timer)
			return
		}
	}
}

func (s *sink) isClosing() bool {
	select {
	case <-s.closing:
		return true
	default:
		return false
	}
}

// swap takes the filled buffer and leaves an empty one, with the reports of
// what could not be logged as its first lines.
func (s *sink) swap() []byte {
	if s.spare == nil { // not at once: a start need not wait for so much memory
		s.spare = make([]byte, 0, s.capacity)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	full := s.buf
	s.buf = s.spare[:0]
	if s.report != nil {
		s.commit(s.report(s.buf, s.unreported))
	}
	s.unreported = 0
	return full
}

// flush writes what is buffered and tries again until that worked. It returns
// false if the sink was closed while the output was failing.
func (s *sink) flush(timer *time.Timer) bool {
	full := s.swap()
	rest := full
	for len(rest) > 0 {
		n, err := s.out.write(rest)
		rest = rest[n:]
		s.setState(err)
		if err == nil {
			continue
		}
		timer.Reset(retryDelay)
		select {
		case <-timer.C:
		case <-s.closing:
			s.dropped.Add(uint64(bytes.Count(rest, []byte{'\n'})))
			s.spare = full[:0]
			return false
		}
	}
	s.spare = full[:0]
	return true
}

// drain writes what is left after close, each part tried once.
func (s *sink) drain(timer *time.Timer) {
	for {
		s.mu.Lock()
		left := len(s.buf) > 0 || s.unreported > 0
		s.closed = true
		s.mu.Unlock()
		if !left || !s.flush(timer) {
			break
		}
	}
	_ = s.out.close() // nothing is left that could be done about it
}

// setState tells of a change between working and failing, once each time.
func (s *sink) setState(err error) {
	was := s.failing.Load()
	if (was == nil) == (err == nil) {
		return
	}
	s.failing.Store(err)
	if s.onState != nil {
		s.onState(err, s.dropped.Load())
	}
}

// close ends the sink once and waits for the writer until ctx ends. Lines added
// later are dropped.
func (s *sink) close(ctx context.Context) error {
	s.mu.Lock()
	first := !s.closed
	s.closed = true
	s.mu.Unlock()
	if first {
		close(s.closing)
	}
	select {
	case <-s.done:
		return s.failing.Load()
	case <-ctx.Done():
		return ctx.Err()
	}
}
