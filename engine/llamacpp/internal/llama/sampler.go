package llama

import (
	"errors"
	"math"
	"runtime"
	"unsafe"

	"github.com/ebitengine/purego"

	"inferd/engine/llamacpp/internal/grammar"
)

// Sampling says how the next token is chosen. The zero value is greedy.
type Sampling struct {
	Temperature float64 // less than minTemperature or NaN: greedy; maxTemperature at most
	TopP        float64 // 1 or more, NaN: off
	TopK        uint32  // 0: off
	Seed        uint32
	Grammar     string // GBNF; empty: none
}

// ErrNoToken says that no token can be chosen: the model has computed no numbers.
var ErrNoToken = errors.New("no token could be chosen")

// ErrGrammarEnd says that the grammar allows no token that is possible.
var ErrGrammarEnd = errors.New("the grammar leaves no token that could follow")

type samplerFuncs struct {
	chain  func(p chainParams) uintptr
	add    func(chain, sampler uintptr)
	free   func(sampler uintptr)
	greedy func() uintptr
	topK   func(k int32) uintptr
	topP   func(p float32, minKeep uint64) uintptr
	temp   func(t float32) uintptr
	dist   func(seed uint32) uintptr
}

// Sampler chooses tokens for one sequence. Made on any goroutine, then used by
// the decode loop alone.
type Sampler struct {
	lib     *Library
	chain   uintptr
	matcher *grammar.Matcher // nil: any token can follow
}

// choice is what samplers work on: the candidates.
type choice struct {
	candidates []tokenData
	array      tokenArray
}

// fill makes candidates of all tokens.
func (c *choice) fill(logits []float32) {
	if c.candidates == nil {
		c.candidates = make([]tokenData, len(logits))
	}
	for id, logit := range logits {
		c.candidates[id] = tokenData{id: int32(id), logit: logit}
	}
	c.array = tokenArray{data: &c.candidates[0], size: uint64(len(logits)), selected: -1}
}

// fillWith makes candidates of some tokens, at least one.
func (c *choice) fillWith(tokens []int32, logits []float32) {
	for i, id := range tokens {
		c.candidates[i] = tokenData{id: id, logit: logits[id]}
	}
	c.array = tokenArray{data: &c.candidates[0], size: uint64(len(tokens)), selected: -1}
}

// choose takes one of the candidates; false: there is none that is possible.
func (s *Sampler) choose(c *choice) (int32, bool) {
	// unsafe: the library uses the array and the candidates during the call only. Go
	// does not move what is on its heap, and c holds on to them.
	purego.SyscallN(s.lib.symApply, s.chain, uintptr(unsafe.Pointer(&c.array)))
	runtime.KeepAlive(c)
	a := &c.array
	if a.selected < 0 || uint64(a.selected) >= a.size {
		return 0, false
	}
	// unsafe: data and size are as the samplers have left them, and selected is within.
	chosen := unsafe.Slice(a.data, a.size)[a.selected]
	return chosen.id, chosen.logit > float32(math.Inf(-1)) // not so if it is no number
}

// NewSampler builds the chain: top_k, top_p, temperature, then a draw by seed; or the
// likeliest alone. Errors are of package grammar.
func (m *Model) NewSampler(s Sampling) (*Sampler, error) {
	f := &m.lib.samplers
	out := &Sampler{lib: m.lib}
	if s.Grammar != "" {
		g, err := grammar.Compile(s.Grammar, m.named)
		if err != nil {
			return nil, err
		}
		if out.matcher, err = g.NewMatcher(m.vocabulary()); err != nil {
			return nil, err
		}
	}
	chain := f.chain(chainParams{noPerf: true})
	out.chain = chain
	if !(s.Temperature >= minTemperature) { // NaN too
		f.add(chain, f.greedy())
		return out, nil
	}
	if s.TopK > 0 {
		f.add(chain, f.topK(int32(min(s.TopK, math.MaxInt32))))
	}
	if s.TopP < 1 {
		f.add(chain, f.topP(float32(max(s.TopP, 0)), 1))
	}
	f.add(chain, f.temp(float32(min(s.Temperature, maxTemperature))))
	f.add(chain, f.dist(s.Seed))
	return out, nil
}

// Free gives the sampler's memory back; it must not be used again.
func (s *Sampler) Free() {
	s.lib.samplers.free(s.chain)
	s.chain = 0
}
