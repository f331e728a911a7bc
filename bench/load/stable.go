package load

import (
	"cmp"
	"context"
	"math"
	"slices"
)

// Stability says when repeated runs agree.
type Stability struct {
	// Runs must agree this closely: (largest - smallest) / middle of the last
	// Window of them.
	Spread float64
	Window int // 0: 3
	// Max runs are made at most; 0: 10.
	Max int
	// After each run Observe is called, if set, with the results so far and the
	// spread of the last Window, which is +Inf before there are as many.
	Observe func(results []*Result, spread float64)
}

// RepeatUntilStable runs until the last runs agree, or Max is reached, or a run
// has a Problem, and returns the run in the middle of those last ones and their
// spread. What is compared is the server's processor time per request if it was
// measured, else the rate of answers, or in the open loop, where that is what was
// offered, the median time to a whole answer. With an error comes the middle of the runs
// that were whole, or the interrupted one if it was the first.
func RepeatUntilStable(ctx context.Context, config Config, s Stability) (*Result, float64, error) {
	s.Window, s.Max = cmp.Or(s.Window, 3), cmp.Or(s.Max, 10)
	var results []*Result
	for {
		r, err := Run(ctx, config)
		if err != nil && len(results) == 0 {
			return r, math.Inf(1), err
		}
		if err == nil {
			results = append(results, r)
		}
		last := results[max(0, len(results)-s.Window):]
		chosen, spread := agreement(last)
		if len(last) < s.Window {
			spread = math.Inf(1)
		}
		if err == nil && s.Observe != nil {
			s.Observe(results, spread)
		}
		if err == nil && r.Problem != "" {
			chosen = r
		}
		if err != nil || r.Problem != "" || spread <= s.Spread || len(results) >= s.Max {
			chosen.Repeats = &Repeats{Runs: len(results)}
			if !math.IsInf(spread, 1) {
				chosen.Repeats.Compared, chosen.Repeats.Spread = len(last), spread
			}
			return chosen, spread, err
		}
	}
}

// agreement gives the middle result and the relative spread around it.
func agreement(results []*Result) (*Result, float64) {
	sorted := slices.SortedFunc(slices.Values(results), func(a, b *Result) int {
		return cmp.Compare(a.key(), b.key())
	})
	middle := sorted[len(sorted)/2]
	if middle.key() == 0 {
		return middle, math.Inf(1)
	}
	return middle, (sorted[len(sorted)-1].key() - sorted[0].key()) / middle.key()
}

// key is the figure by which runs are compared.
func (r *Result) key() float64 {
	switch {
	case r.Server != nil:
		return r.Server.USPerRequest
	case r.Loop == loopOpen:
		return r.E2E.P50
	}
	return r.AnswerRate
}
