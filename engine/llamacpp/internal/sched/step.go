package sched

import (
	"errors"
	"fmt"
	"time"

	"inferd/engine"
)

// runStep plans, computes and samples once.
func (s *Scheduler) runStep() error {
	n, prompt := s.plan()
	s.step++
	// Two aborts in a row would let a stream of cancellations starve the rest.
	s.long.Store(!s.aborted && time.Duration(prompt)*s.costPerToken() > longStep)
	began := time.Now()
	err := s.ctx.Decode(n)
	took := time.Since(began)
	s.long.Store(false)
	s.aborted = errors.Is(err, ErrAborted)
	switch {
	case s.aborted:
		s.rewind()
		return nil
	case err != nil:
		return s.failStep(err)
	}
	s.failed = 0
	s.steps.Inc()
	if prompt > 0 && n >= minTimed {
		// Tokens of generating sequences cost more than a prompt's; counting
		// them alike errs on the careful side.
		s.observe(took / time.Duration(n))
	}
	for i, sl := range s.slots {
		if sl.job == nil {
			continue
		}
		sl.cached += sl.planned
		if sl.batchAt >= 0 {
			s.sample(i, sl)
		}
	}
	return nil
}

// plan fills the batch and gives its size and how much of it is prompt.
func (s *Scheduler) plan() (n, prompt int) {
	reading := 0
	for i, sl := range s.slots {
		sl.planned, sl.batchAt = 0, -1
		switch {
		case sl.job == nil:
		case sl.missing() == 1: // generating, or the last prompt token
			s.place(i, sl, &n, 1)
		default:
			reading++
		}
	}
	if reading == 0 {
		return n, 0
	}
	generating := n
	room := min(s.cfg.Batch-n, s.slice(generating > 0))
	for k := range s.slots {
		i := (s.turn + k) % len(s.slots)
		sl := s.slots[i]
		if sl.job == nil || sl.planned > 0 {
			continue
		}
		share := min(room/reading, sl.missing())
		if share == 0 && room > 0 {
			share = 1
		}
		s.place(i, sl, &n, share)
		room -= share
		reading--
	}
	s.turn = (s.turn + 1) % len(s.slots)
	return n, n - generating
}

// place puts the next count missing tokens of a sequence in the batch; the last
// missing one asks for logits.
func (s *Scheduler) place(seq int, sl *slot, n *int, count int) {
	for k := range count {
		at := sl.cached + k
		last := at == len(sl.tokens)-1
		s.ctx.Set(*n, sl.tokens[at], at, seq, last)
		if last {
			sl.batchAt = *n
		}
		*n++
	}
	sl.planned = count
}

// slice is how many prompt tokens a step takes, so that it lasts no longer than
// it should.
func (s *Scheduler) slice(generating bool) int {
	target := loneStepTarget
	if generating {
		target = stepTarget
	}
	if s.perToken == 0 {
		return min(firstSlice, s.cfg.Batch)
	}
	n := int(target / s.perToken)
	if n < goodSlice && s.perToken*goodSlice <= goodSliceTime {
		n = goodSlice
	}
	return max(minSlice, min(s.cfg.Batch, n))
}

// costPerToken is the measured cost, or a pessimistic one before any.
func (s *Scheduler) costPerToken() time.Duration {
	if s.perToken == 0 {
		return longStep / minSlice
	}
	return s.perToken
}

func (s *Scheduler) observe(cost time.Duration) {
	cost = max(cost, 1)
	if s.perToken == 0 {
		s.perToken = cost
		return
	}
	s.perToken += (cost - s.perToken) / 4
}

// sample chooses the next token of a sequence that has logits and passes it on.
func (s *Scheduler) sample(i int, sl *slot) {
	token, err := s.ctx.Sample(sl.job.Sampler, sl.batchAt)
	if err != nil {
		s.finish(i, Event{Err: err})
		return
	}
	if s.vocab.IsEOG(token) {
		s.finish(i, Event{Stop: engine.StopEnd})
		return
	}
	sl.generated++
	s.tokens.Inc()
	sl.tokens = append(sl.tokens, token)
	if text := sl.text.push(s.vocab.Piece(token)); len(text) > 0 {
		s.events = append(s.events, Event{ID: sl.job.ID, Text: text})
	}
	switch {
	case sl.generated >= sl.job.MaxTokens:
		s.finishLength(i, sl, false)
	case len(sl.tokens) > s.cfg.CtxPerSeq:
		s.finishLength(i, sl, true)
	}
}

// finishLength ends a job whose last text event of this step still points into
// the joiner's buffer: the unfinished character, if any, gets a new one.
func (s *Scheduler) finishLength(i int, sl *slot, full bool) {
	end := joiner{tail: sl.text.tail}
	s.finish(i, Event{Stop: engine.StopLength, Full: full, Text: end.end()})
}

// rewind takes back a step that was given up: parts of it may be in the cache.
func (s *Scheduler) rewind() {
	s.changed.Store(true)
	for i, sl := range s.slots {
		if sl.job != nil && sl.planned > 0 && !s.ctx.Truncate(i, sl.cached) {
			s.ctx.Truncate(i, 0)
			sl.cached = 0
		}
	}
}

// failStep ends the jobs of a step that could not be computed and forgets what
// their sequences held.
func (s *Scheduler) failStep(err error) error {
	s.failed++
	for i, sl := range s.slots {
		if sl.job == nil || sl.planned == 0 {
			continue
		}
		s.ctx.Truncate(i, 0)
		sl.cached = 0
		s.finish(i, Event{Err: fmt.Errorf("%w: %w", ErrDecode, err)})
	}
	if s.failed >= maxFailedSteps {
		return fmt.Errorf("%d steps in a row failed: %w", s.failed, err)
	}
	return nil
}
