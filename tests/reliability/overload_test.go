package reliability

import (
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/atomic"

	"inferd/admit"
	"inferd/tests/harness"
	"inferd/tests/reliability/observe"
)

// TestRow02_Overload offers ten times what the daemon can do. Each request gets
// one terminal frame, refusals stay immediate, and the useful work hardly
// suffers.
func TestRow02_Overload(t *testing.T) {
	const permits, depth = 8, 8
	length := time.Duration(size(2, 60)) * time.Second
	d := harness.StartMock(t, "--mock-tokens", "10", "--mock-token-delay", "2ms",
		"--active-permits", "8", "--queue-depth", "8")
	// load runs n clients for the length and counts what they got.
	load := func(n int) (done, full uint64, refusals []time.Duration) {
		var dones, fulls atomic.Uint64
		var mu sync.Mutex
		path, until := d.Unix(), time.Now().Add(length)
		clients(t, n, func(int) error {
			c, err := harness.TryDial("unix", path)
			if err != nil {
				return err
			}
			defer c.Close()
			var mine []time.Duration
			for time.Now().Before(until) {
				began := time.Now()
				switch outcome, err := ask(c, "r"); {
				case err != nil:
					return err
				case outcome == "done":
					dones.Inc()
				case outcome == "queue_full":
					fulls.Inc()
					mine = append(mine, time.Since(began))
					time.Sleep(5 * time.Millisecond) // a polite client; ten times the load all the same
				default:
					t.Errorf("outcome %s", outcome)
				}
			}
			mu.Lock()
			refusals = append(refusals, mine...)
			mu.Unlock()
			return nil
		})
		return dones.Load(), fulls.Load(), refusals
	}
	peak, _, _ := load(permits + depth)
	done, full, refusals := load(10 * (permits + depth))
	slices.Sort(refusals)
	if len(refusals) == 0 {
		t.Fatal("nobody was refused: the test proves nothing")
	}
	share := 100 * float64(done) / float64(peak)
	p50, p99 := refusals[len(refusals)/2], refusals[len(refusals)*99/100]
	t.Logf("in %v: %d done at the peak, %d overloaded (%.1f%%), %d refused; a refusal took "+
		"%v (median), %v (p99) as the client sees it", length, peak, done, share, full, p50, p99)
	// A share of two short runs says nothing on a machine with other work.
	if least := 95.0; harness.Stress && share < least {
		t.Errorf("%.1f%% of the peak's useful work, want at least %.0f%%", share, least)
	}
	s := observe.Dial(t, d).AwaitIdle(t)
	if got := s.Counters.Rejected["queue_full"]; got != full {
		t.Errorf("the daemon counts %d refusals, its clients %d", got, full)
	}
	if got := s.Counters.Requests["done"]; got != peak+done {
		t.Errorf("the daemon counts %d answers, its clients %d", got, peak+done)
	}
}

// TestRow03_NeverAboveCapacity: 64 goroutines at the gate.
func TestRow03_NeverAboveCapacity(t *testing.T) {
	const goroutines, active, depth = 64, 5, 7
	rounds := size(200_000, 10_000_000) / goroutines
	gate := admit.NewGate(active, depth)
	var inside, most atomic.Int64
	var admitted atomic.Uint64
	var wg sync.WaitGroup
	began := time.Now()
	for range goroutines {
		wg.Go(func() {
			var ticket admit.Ticket
			for range rounds {
				if gate.Try(&ticket) != admit.Admitted {
					continue
				}
				n := inside.Inc()
				for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
				}
				runtime.Gosched() // while holding it, or few would ever meet
				inside.Dec()
				admitted.Inc()
				ticket.Release()
			}
		})
	}
	wg.Wait()
	if most.Load() > active+depth || gate.Count() != 0 {
		t.Errorf("%d at once, %d at the end; want at most %d, and none",
			most.Load(), gate.Count(), active+depth)
	}
	if admitted.Load() == uint64(goroutines*rounds) {
		t.Error("the gate was never full: the test proves nothing")
	}
	t.Logf("%d tries, %d admitted, %d at once, in %v", goroutines*rounds, admitted.Load(),
		most.Load(), time.Since(began).Round(time.Millisecond))
}
