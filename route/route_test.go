package route

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/atomic"

	"inferd/engine"
)

// fakeEngine is ready or not and able or not; it never runs anything.
type fakeEngine struct {
	engine.Engine
	ready        atomic.Bool
	capabilities engine.Capabilities
}

func newFake() *fakeEngine {
	e := &fakeEngine{capabilities: engine.Capabilities{V1: true}}
	e.ready.Store(true)
	return e
}

func (e *fakeEngine) Name() string                      { return "fake" }
func (e *fakeEngine) Ready() bool                       { return e.ready.Load() }
func (e *fakeEngine) Capabilities() engine.Capabilities { return e.capabilities }

func mustRouter(t testing.TB, o Options, entries ...Entry) *Router {
	t.Helper()
	r, err := New(entries, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func mustPick(t testing.TB, r *Router) Lease {
	t.Helper()
	lease, err := r.Pick(nil)
	if err != nil {
		t.Fatalf("pick: %v", err)
	}
	return lease
}

func TestEmptyRouter(t *testing.T) {
	r := mustRouter(t, Options{})
	if _, err := r.Pick(nil); !errors.Is(err, ErrNoBackends) {
		t.Errorf("pick: %v, want %v", err, ErrNoBackends)
	}
	if r.AllReady() {
		t.Error("an empty router is not all ready")
	}
	if got := r.State("nobody"); got != Closed {
		t.Errorf("breaker of an unknown name: %s, want closed", got)
	}
	Lease{}.Done(Failure) // holds nothing, does nothing
	if name := (Lease{}).Name(); name != "" {
		t.Errorf("the zero lease is named %q", name)
	}
	if r.AnyReady() {
		t.Error("an empty router has somebody ready")
	}
}

func TestNew_Failure(t *testing.T) {
	f := func(want string, o Options, entries ...Entry) {
		t.Helper()
		_, err := New(entries, o)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
	e := newFake()
	f("without a name", Options{}, Entry{Engine: e})
	f(`two backends are named "a"`, Options{},
		Entry{Name: "a", Engine: e}, Entry{Name: "a", Engine: e})
	f(`"a" has no engine`, Options{}, Entry{Name: "a"})
	f("weight -1", Options{}, Entry{Name: "a", Engine: e, Weight: -1})
	f("weight 1001", Options{}, Entry{Name: "a", Engine: e, Weight: maxWeight + 1})
	f("at most 64", Options{}, make([]Entry, maxEntries+1)...)
	f("breaker policy", Options{Policy: Policy{Failures: -1}})
	f("breaker policy", Options{Policy: Policy{Failures: maxThreshold + 1}})
	f("breaker policy", Options{Policy: Policy{Window: -1}})
	f("breaker policy", Options{Policy: Policy{Cooldown: -1}})
}

func TestDefaultPolicy(t *testing.T) {
	want := Policy{Failures: 3, Window: time.Minute, Cooldown: 30 * time.Second}
	if diff := cmp.Diff(want, Policy{}.withDefaults()); diff != "" {
		t.Error(diff)
	}
}

func TestOutcomeOf(t *testing.T) {
	f := func(err error, want Outcome) {
		t.Helper()
		if got := OutcomeOf(engine.Result{}, err); got != want {
			t.Errorf("OutcomeOf(%v) = %d, want %d", err, got, want)
		}
	}
	f(nil, Success)
	f(engine.Errorf(engine.Invalid, "no"), Neutral)
	f(fmt.Errorf("wrapped: %w", engine.Errorf(engine.Invalid, "no")), Neutral)
	f(engine.Errorf(engine.Exhausted, "no descriptor"), Neutral)
	f(context.Canceled, Neutral)
	f(fmt.Errorf("stopped: %w", context.Canceled), Neutral)
	f(engine.ErrNotReady, Failure)
	f(engine.Errorf(engine.Unavailable, "down"), Failure)
	f(engine.Errorf(engine.Internal, "bug"), Failure)
	f(engine.ErrNoDone, Failure)
	f(context.DeadlineExceeded, Failure)
	f(errors.New("anything else"), Failure)
	if got := OutcomeOf(engine.Result{Untried: true}, nil); got != Neutral {
		t.Errorf("an answer without the backend: %d, want %d", got, Neutral)
	}
}

// Two entries of one adapter have a breaker each: the outcome follows the
// lease, not the adapter's name.
func TestBreakersAreKeyedByEntry(t *testing.T) {
	r := mustRouter(t, Options{Policy: Policy{Failures: 1}},
		Entry{Name: "first", Engine: newFake()}, Entry{Name: "second", Engine: newFake()})
	mustPick(t, r).Done(Failure)
	if a, b := r.State("first"), r.State("second"); a != Open || b != Closed {
		t.Errorf("first %s, second %s; want open and closed", a, b)
	}
}

func TestWeights(t *testing.T) {
	f := func(want string, entries ...Entry) {
		t.Helper()
		r := mustRouter(t, Options{}, entries...)
		got := ""
		for range len(want) {
			got += mustPick(t, r).Name()
		}
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	entry := func(name string, weight int) Entry {
		return Entry{Name: name, Engine: newFake(), Weight: weight}
	}
	f("aaaa", entry("a", 0), entry("b", 0))
	f("abab", entry("a", 1), entry("b", 1))
	f("aabacaaaabacaa", entry("a", 5), entry("b", 1), entry("c", 1))
	// The unweighted entry parts two groups: the second is never reached.
	f("abab", entry("a", 1), entry("b", 1), entry("x", 0), entry("c", 9))
	f("xxxx", entry("x", 0), entry("a", 1), entry("b", 1))

	down := entry("b", 6)
	down.Engine.(*fakeEngine).ready.Store(false)
	f("acaacaaca", entry("a", 2), down, entry("c", 1)) // the others keep their ratio
}

// Half open lets exactly one of a crowd through; the rest go to the next entry.
func TestOneProbeAmongMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := mustRouter(t, Options{Policy: Policy{Failures: 1, Cooldown: time.Second}},
			Entry{Name: "a", Engine: newFake()}, Entry{Name: "b", Engine: newFake()})
		for range 50 {
			mustPick(t, r).Done(Failure) // a opens
			time.Sleep(time.Second)
			var probes, others atomic.Int32
			var crowd sync.WaitGroup
			leases := make(chan Lease, 32)
			for range cap(leases) {
				crowd.Go(func() {
					lease, err := r.Pick(nil)
					switch {
					case err != nil:
						t.Errorf("pick: %v", err)
					case lease.permit.probe && lease.Name() == "a":
						probes.Inc()
					case !lease.permit.probe && lease.Name() == "b":
						others.Inc()
					}
					leases <- lease
				})
			}
			crowd.Wait()
			if probes.Load() != 1 || others.Load() != 31 {
				t.Fatalf("%d probes on a, %d on b; want 1 and 31", probes.Load(), others.Load())
			}
			for range cap(leases) {
				(<-leases).Done(Success)
			}
			if got := r.State("a"); got != Closed {
				t.Fatalf("a is %s after its probe, want closed", got)
			}
		}
	})
}

// A lease reported twice must not release the probe of somebody else.
func TestDoneTwiceKeepsTheNextProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := mustRouter(t, Options{Policy: Policy{Failures: 1, Cooldown: time.Second}},
			Entry{Name: "a", Engine: newFake()})
		mustPick(t, r).Done(Failure)
		time.Sleep(time.Second)
		first := mustPick(t, r)
		first.Done(Neutral)
		second := mustPick(t, r)
		first.Done(Neutral)
		if _, err := r.Pick(nil); !errors.Is(err, ErrNoneAvailable) {
			t.Errorf("pick beside the second probe: %v, want %v", err, ErrNoneAvailable)
		}
		first.Done(Success)
		if got := r.State("a"); got != HalfOpen {
			t.Errorf("a is %s by a stale word, want half_open", got)
		}
		second.Done(Success)
		if got := r.State("a"); got != Closed {
			t.Errorf("a is %s after its probe, want closed", got)
		}
	})
}

// The breaker counts on the monotonic clock, which has no relation to the
// calendar: its clock starts with the router and never goes back.
func TestClockIsMonotonic(t *testing.T) {
	r := mustRouter(t, Options{}, Entry{Name: "a", Engine: newFake()})
	clock := r.backends[0].breaker.clock
	before := clock()
	if before < 0 || before > time.Minute {
		t.Errorf("clock says %v right after New", before)
	}
	if after := clock(); after < before {
		t.Errorf("clock went from %v back to %v", before, after)
	}
}

func TestPickAndDoneDoNotAllocate(t *testing.T) {
	need := func(c engine.Capabilities) bool { return c.V1 }
	f := func(name string, r *Router, o Outcome) {
		t.Helper()
		allocs := testing.AllocsPerRun(1000, func() {
			if lease, err := r.Pick(need); err == nil {
				lease.Done(o)
			}
		})
		if allocs != 0 {
			t.Errorf("%s: %v allocations for a pick and its outcome, want 0", name, allocs)
		}
	}
	single := Entry{Name: "a", Engine: newFake()}
	f("one backend", mustRouter(t, Options{}, single), Success)
	f("client's fault", mustRouter(t, Options{}, single), Neutral)
	f("failing and open", mustRouter(t, Options{}, single), Failure)
	f("every pick a probe", mustRouter(t, Options{Policy: Policy{Failures: 1, Cooldown: 1}}, single),
		Failure)
	f("weighted", mustRouter(t, Options{},
		Entry{Name: "a", Engine: newFake(), Weight: 3},
		Entry{Name: "b", Engine: newFake(), Weight: 1}), Success)
}

func TestConcurrentUse(t *testing.T) {
	r := mustRouter(t, Options{Policy: Policy{Failures: 2, Cooldown: time.Microsecond}},
		Entry{Name: "a", Engine: newFake(), Weight: 2},
		Entry{Name: "b", Engine: newFake(), Weight: 1},
		Entry{Name: "c", Engine: newFake()})
	orders := [][]Place{{{"a", 2}, {"b", 1}, {"c", 0}}, {{"c", 0}, {"b", 3}, {"a", 4}}}
	var users sync.WaitGroup
	for u := range 8 {
		users.Go(func() {
			for i := range 2000 {
				if lease, err := r.Pick(nil); err == nil {
					lease.Done(Outcome((u + i) % 3))
				}
				if i%500 == 0 {
					if err := r.SetOrder(orders[i/500%2]); err != nil {
						t.Error(err)
					}
					_ = r.Status()
				}
			}
		})
	}
	users.Wait()
	for _, g := range *r.order.Load() {
		sum := 0
		for _, credit := range g.credit {
			sum += credit
		}
		if sum != 0 {
			t.Errorf("credits sum to %d, want 0", sum)
		}
	}
}
