package route

import (
	"errors"
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sony/gobreaker/v2"
	"pgregory.net/rapid"
)

// step is one move of the property test. value picks a lease or a pause.
type step struct {
	move  int // 0 enter, 1 success, 2 failure, 3 neutral, 4 sleep
	value int
}

// TestAgainstGobreaker compares breaker with sony/gobreaker on random
// histories, with several requests in flight at once.
//
// Where the two differ on purpose, the test keeps away: the window is endless
// (gobreaker's are buckets), and no failure is reported by a request from
// before the opening while the breaker is open (gobreaker ignores it, here it
// lengthens the cooldown; scenario stale_failures covers that). Pauses never
// add up to the cooldown exactly, where one says "not yet" and the other "now".
func TestAgainstGobreaker(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		threshold := rapid.IntRange(1, 4).Draw(rt, "threshold")
		steps := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) step {
			return step{
				move:  rapid.IntRange(0, 4).Draw(rt, "move"),
				value: rapid.IntRange(0, 9).Draw(rt, "value"),
			}
		}), 1, 60).Draw(rt, "steps")

		mismatch := ""
		synctest.Test(t, func(*testing.T) { mismatch = compare(threshold, steps) })
		if mismatch != "" {
			rt.Fatal(mismatch)
		}
	})
}

func compare(threshold int, steps []step) (mismatch string) {
	const cooldown = 100 * time.Millisecond
	errFailed, errNeutral := errors.New("failed"), errors.New("neutral")
	theirs := gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Timeout:     cooldown,
		ReadyToTrip: func(c gobreaker.Counts) bool { return int(c.ConsecutiveFailures) >= threshold },
		IsExcluded:  func(err error) bool { return errors.Is(err, errNeutral) },
	})
	start := time.Now()
	ours := newBreaker(
		Policy{Failures: threshold, Window: math.MaxInt64, Cooldown: cooldown},
		func() time.Duration { return time.Since(start) }, nil)

	type flight struct {
		permit permit
		done   func(error)
	}
	var flying []flight
	for i, s := range steps {
		switch {
		case s.move == 0:
			p, entered := ours.enter()
			done, err := theirs.Allow()
			if entered != (err == nil) {
				return fmt.Sprintf("step %d: ours let it in: %t, gobreaker says %v", i, entered, err)
			}
			if entered {
				flying = append(flying, flight{p, done})
			}
		case s.move == 4:
			time.Sleep(time.Duration(s.value) * 30 * time.Millisecond)
		case len(flying) > 0:
			at := s.value % len(flying)
			f := flying[at]
			flying = append(flying[:at], flying[at+1:]...)
			outcome, err := Success, error(nil)
			switch {
			case s.move == 2 && ours.State() != Open:
				outcome, err = Failure, errFailed
			case s.move >= 2:
				outcome, err = Neutral, errNeutral
			}
			// gobreaker turns half open by itself when the time has come, here
			// the next pick does it: an old request's word counts in neither.
			ours.leave(f.permit, outcome)
			f.done(err)
		}
		// Open with its cooldown over reads as half-open on their side only.
		want := map[gobreaker.State]State{
			gobreaker.StateClosed: Closed, gobreaker.StateOpen: Open, gobreaker.StateHalfOpen: HalfOpen,
		}[theirs.State()]
		if got := ours.State(); got != want && (got != Open || want != HalfOpen) {
			return fmt.Sprintf("step %d: ours is %s, gobreaker %s", i, got, want)
		}
	}
	return ""
}
