package route

import (
	"sync"

	"inferd/engine"
)

// member is a backend with the weight that the current order gives it.
type member struct {
	*backend
	weight int
}

// group is one place in the order of preference: a single backend, or
// neighbours that share the place by weight.
type group struct {
	members []member // immutable

	mu     sync.Mutex
	credit []int // smooth weighted round-robin; the sum is always zero
}

// setGroups publishes ordered, cut into groups: neighbours with a weight stay
// together, everybody else is alone.
func (r *Router) setGroups(ordered []member) {
	var groups []*group
	var last *group // the weighted group that may still grow
	for _, m := range ordered {
		if m.weight == 0 || last == nil {
			last = &group{}
			groups = append(groups, last)
		}
		last.members = append(last.members, m)
		if m.weight == 0 {
			last = nil
		}
	}
	for _, g := range groups {
		g.credit = make([]int, len(g.members))
	}
	r.order.Store(&groups)
}

// pick takes a member that is usable now, if there is one.
func (g *group) pick(need func(engine.Capabilities) bool) (Lease, bool) {
	if len(g.members) == 1 {
		b := g.members[0].backend
		if !b.usable(need) {
			return Lease{}, false
		}
		p, ok := b.breaker.enter()
		return Lease{backend: b, permit: p}, ok
	}
	// Engines and need are foreign code: ask them before taking the lock.
	var candidates uint64
	for i, m := range g.members {
		if m.usable(need) {
			candidates |= 1 << i
		}
	}
	for candidates != 0 {
		i := g.next(candidates)
		b := g.members[i].backend
		if p, ok := b.breaker.enter(); ok {
			return Lease{backend: b, permit: p}, true
		}
		candidates &^= 1 << i // somebody else took the probe in between
	}
	return Lease{}, false
}

// next is smooth weighted round-robin over the candidates: each earns its
// weight, the richest is chosen and pays what all of them earned. With weights
// 5, 1, 1 that gives a a b a c a a, not five in a row.
func (g *group) next(candidates uint64) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	best, earned := -1, 0
	for i, m := range g.members {
		if candidates&(1<<i) == 0 {
			continue
		}
		earned += m.weight
		g.credit[i] += m.weight
		if best < 0 || g.credit[i] > g.credit[best] {
			best = i
		}
	}
	g.credit[best] -= earned
	return best
}
