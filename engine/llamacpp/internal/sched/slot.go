package sched

// slot is one sequence of the context: the job it works on, or what the last
// one left behind. Owned by the Run goroutine.
type slot struct {
	job *Job
	// tokens is the sequence; the first cached of them are in the key-value
	// cache. Without a job, len(tokens) == cached.
	tokens []int32
	cached int
	used   uint64 // step of the last use, for least-recently-used

	// while a job runs
	prompt    int // tokens of the prompt
	reused    int // of which found in the cache
	generated int // tokens sampled
	batchAt   int // place in this step's batch with logits, or -1
	planned   int // tokens of this sequence in this step's batch
	text      joiner
}

// missing counts the tokens that are not in the cache yet.
func (s *slot) missing() int { return len(s.tokens) - s.cached }

// commonPrefix counts the leading cached tokens that prompt begins with.
func (s *slot) commonPrefix(prompt []int32) int {
	n := min(s.cached, len(prompt))
	for i := range n {
		if s.tokens[i] != prompt[i] {
			return i
		}
	}
	return n
}

// worthwhile is the least part of a slot's cache a shared prefix must cover to
// choose the slot for it: otherwise every short request that merely shares the
// template's first words would throw a long conversation away.
const worthwhile = 4

// pick chooses a free slot for a prompt: the longest worthwhile common prefix,
// else the least recently used. It gives the tokens that can stay.
func pick(slots []*slot, prompt []int32, reuse bool) (best *slot, keep int) {
	var oldest *slot
	for _, s := range slots {
		if s.job != nil {
			continue
		}
		if oldest == nil || s.used < oldest.used {
			oldest = s
		}
		if n := s.commonPrefix(prompt); reuse && n > keep && n*worthwhile >= s.cached {
			best, keep = s, n
		}
	}
	if best == nil {
		if best = oldest; best != nil && reuse {
			keep = best.commonPrefix(prompt)
		}
	}
	// One token at least is computed: its logits choose the first answer token.
	return best, min(keep, len(prompt)-1)
}
