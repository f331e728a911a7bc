package route

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.uber.org/atomic"

	"inferd/engine"
)

// Why a pick found nothing; both reach the client as `backend_unavailable`.
var (
	ErrNoBackends    = errors.New("no backends registered")
	ErrNoneAvailable = errors.New("no backend available")
)

// Entry is one configured backend.
type Entry struct {
	Name   string // unique; what breakers, logs and metrics are keyed by
	Engine engine.Engine
	// Weight 0: this entry stands alone, tried strictly in its place. Greater,
	// at most 1000: it shares its place with the entries next to it that have a
	// weight too, in proportion.
	Weight int
}

// Options configure a Router; the zero value is what the daemon uses.
type Options struct {
	Policy Policy
	// OnChange hears of every breaker's transitions, in order for each. It runs
	// on the goroutine that caused one, with that breaker's lock held: it must
	// not block, Pick or Done; State and Status are allowed.
	OnChange func(name string, from, to State)
}

// Outcome is what a request says about the backend that served it.
type Outcome uint8

const (
	// Neutral says nothing: the client's mistake or ours, the client went away, or the answer
	// was clear without the backend.
	Neutral Outcome = iota
	// Success is any other generation that came to its end.
	Success
	// Failure is a refusal that isn't the client's fault, or a broken-off stream.
	Failure
)

// OutcomeOf reads what Generate returned. After a token it is for errors that wrap an
// *engine.Error alone: any other is a Failure then. An error of the sink, which means that
// the client is gone, can't be told from here: report that as Neutral.
func OutcomeOf(res engine.Result, err error) Outcome {
	if err == nil {
		if res.Untried {
			return Neutral
		}
		return Success
	}
	if refusal, ok := errors.AsType[*engine.Error](err); ok &&
		(refusal.Kind == engine.Invalid || refusal.Kind == engine.Exhausted) {
		return Neutral
	}
	if errors.Is(err, context.Canceled) {
		return Neutral
	}
	return Failure
}

// Place is an entry's place in a new order, and its weight there.
type Place struct {
	Name   string
	Weight int
}

// backend is an entry in service, whatever its place is at the moment.
type backend struct {
	name    string
	engine  engine.Engine
	breaker *breaker
}

// usable reports whether b could take the request now, in the order that the
// protocol documents: ready, capability, breaker.
func (b *backend) usable(need func(engine.Capabilities) bool) bool {
	return b.engine.Ready() &&
		(need == nil || need(b.engine.Capabilities())) &&
		b.breaker.mayEnter()
}

// Router spreads requests over backends. Make one with New.
type Router struct {
	backends []*backend // immutable, in the order of New
	order    atomic.Pointer[[]*group]
}

// New makes a router over entries, most preferred first. No entries at all is
// valid: every Pick then fails with ErrNoBackends.
func New(entries []Entry, o Options) (*Router, error) {
	policy := o.Policy.withDefaults()
	if policy.Failures < 1 || policy.Failures > maxThreshold ||
		policy.Window < 0 || policy.Cooldown < 0 {
		return nil, fmt.Errorf("breaker policy %+v: want 1 to %d failures and positive times",
			policy, maxThreshold)
	}
	if len(entries) > maxEntries {
		return nil, fmt.Errorf("%d backends: at most %d are supported", len(entries), maxEntries)
	}
	start := time.Now()
	clock := func() time.Duration { return time.Since(start) } // monotonic
	r := &Router{backends: make([]*backend, 0, len(entries))}
	ordered := make([]member, 0, len(entries))
	for _, e := range entries {
		switch {
		case e.Name == "":
			return nil, errors.New("backend without a name")
		case r.find(e.Name) != nil:
			return nil, fmt.Errorf("two backends are named %q: names must be unique", e.Name)
		case e.Engine == nil:
			return nil, fmt.Errorf("backend %q has no engine", e.Name)
		}
		if err := checkWeight(e.Name, e.Weight); err != nil {
			return nil, err
		}
		var onChange func(from, to State)
		if o.OnChange != nil {
			name := e.Name
			onChange = func(from, to State) { o.OnChange(name, from, to) }
		}
		b := &backend{
			name: e.Name, engine: e.Engine, breaker: newBreaker(policy, clock, onChange),
		}
		r.backends = append(r.backends, b)
		ordered = append(ordered, member{b, e.Weight})
	}
	r.setGroups(ordered)
	return r, nil
}

func checkWeight(name string, weight int) error {
	if weight < 0 || weight > maxWeight {
		return fmt.Errorf("backend %q: weight %d is not in 0 to %d", name, weight, maxWeight)
	}
	return nil
}

// Pick chooses the backend for one request: the first in order that is ready,
// satisfies need (nil: anything will do) and whose breaker lets it through. The
// caller must call Done on the lease exactly once.
func (r *Router) Pick(need func(engine.Capabilities) bool) (Lease, error) {
	if len(r.backends) == 0 {
		return Lease{}, ErrNoBackends
	}
	for _, g := range *r.order.Load() {
		if lease, ok := g.pick(need); ok {
			return lease, nil
		}
	}
	return Lease{}, ErrNoneAvailable
}

// SetOrder changes the order of preference and the weights at run time. It
// takes each existing name once; breakers and leases keep what they know.
func (r *Router) SetOrder(order []Place) error {
	if len(order) != len(r.backends) {
		return fmt.Errorf("new order names %d backends, there are %d: adding or removing one "+
			"needs a restart", len(order), len(r.backends))
	}
	ordered := make([]member, 0, len(order))
	for _, place := range order {
		b := r.find(place.Name)
		if b == nil {
			return fmt.Errorf("new order names backend %q, which does not exist: adding one "+
				"needs a restart", place.Name)
		}
		if slices.ContainsFunc(ordered, func(m member) bool { return m.backend == b }) {
			return fmt.Errorf("new order names backend %q twice", place.Name)
		}
		if err := checkWeight(place.Name, place.Weight); err != nil {
			return err
		}
		ordered = append(ordered, member{b, place.Weight})
	}
	r.setGroups(ordered)
	return nil
}

// AllReady reports whether there are backends and every one is ready. It does
// not look at breakers.
func (r *Router) AllReady() bool {
	for _, b := range r.backends {
		if !b.engine.Ready() {
			return false
		}
	}
	return len(r.backends) > 0
}

// AnyReady reports whether at least one backend is ready. It does not look at
// breakers.
func (r *Router) AnyReady() bool {
	return slices.ContainsFunc(r.backends, func(b *backend) bool { return b.engine.Ready() })
}

// State is the breaker of the named backend; Closed for a name that is unknown.
func (r *Router) State(name string) State {
	if b := r.find(name); b != nil {
		return b.breaker.State()
	}
	return Closed
}

// Renew closes the breaker of the named backend and forgets its failures, without
// a probe. It is for an engine whose process was started anew: the one crash of a
// process that ran many requests counts as many failures, and they say nothing
// about the new one. An upstream that is only reachable again has proved less.
func (r *Router) Renew(name string) {
	if b := r.find(name); b != nil {
		b.breaker.renew()
	}
}

// Status is one backend as operators see it.
type Status struct {
	Name    string // the entry's
	Adapter string // the engine's
	Weight  int
	Ready   bool
	Breaker State
}

// Status lists the backends in their current order.
func (r *Router) Status() []Status {
	list := make([]Status, 0, len(r.backends))
	for _, g := range *r.order.Load() {
		for _, m := range g.members {
			list = append(list, Status{
				Name: m.name, Adapter: m.engine.Name(), Weight: m.weight,
				Ready: m.engine.Ready(), Breaker: m.breaker.State(),
			})
		}
	}
	return list
}

func (r *Router) find(name string) *backend {
	for _, b := range r.backends {
		if b.name == name {
			return b
		}
	}
	return nil
}

// Lease is one request's hold on a backend: a value, free to copy. The zero
// Lease holds nothing: its Name is empty and its Done does nothing.
type Lease struct {
	backend *backend
	permit  permit
}

// Name is the entry's name.
func (l Lease) Name() string {
	if l.backend == nil {
		return ""
	}
	return l.backend.name
}

// Engine is what runs the request; the zero Lease has none.
func (l Lease) Engine() engine.Engine { return l.backend.engine }

// Done reports how the request went. A probe that never reports keeps its
// backend out of service, so Done belongs in a defer.
func (l Lease) Done(o Outcome) {
	if l.backend != nil {
		l.backend.breaker.leave(l.permit, o)
	}
}
