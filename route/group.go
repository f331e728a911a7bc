package route

import (
	"sync"

	"inferd/engine"
)

// group is one place in the order of preference: a single backend, or
// neighbours that share the place by weight.
type group struct {
	members []*backend // immutable

	mu     sync.Mutex
	credit []int // smooth weighted round-robin; the sum is always zero
}

// setGroups publishes ordered, cut into groups: neighbours with a weight stay
// together, everybody else is alone.
func (r *Router) setGroups(ordered []*backend) {
	var groups []*group
	var last *group // the weighted group that may still grow
	for _, b := range ordered {
		if b.Weight == 0 || last == nil {
			g := &group{}
			groups = append(groups, g)
			last = g
		}
		last.members = append(last.members, b)
		if b.Weight == 0 {
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
		b := g.members[0]
		if !b.usable(need) {
			return Lease{}, false
		}
		p, ok := b.breaker.enter()
		return Lease{backend: b, permit: p}, ok
	}
	// Engines and need are foreign code: ask them before taking the lock.
	var candidates uint64
	for i, b := range g.members {
		if b.usable(need) {
			candidates |= 1 << i
		}
	}
	for candidates != 0 {
		i := g.next(candidates)
		b := g.members[i]
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
	for i, b := range g.members {
		if candidates&(1<<i) == 0 {
			continue
		}
		earned += b.Weight
		g.credit[i] += b.Weight
		if best < 0 || g.credit[i] > g.credit[best] {
			best = i
		}
	}
	g.credit[best] -= earned
	return best
}
