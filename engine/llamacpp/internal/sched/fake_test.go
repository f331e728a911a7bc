package sched

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const endToken = 99

// fakeModel is a context whose next token is a function of the tokens the cache
// should hold, so that a wrong position, a stale cache or a lost token shows in
// the output. It fails the test on anything llama.cpp would assert on.
type fakeModel struct {
	t testing.TB

	cost      func(n int) time.Duration // of a step of n tokens
	fail      func(step int) error      // what a step returns
	uncutable bool                      // like recurrent memory

	mu    sync.Mutex
	cache map[int][]int32 // by sequence
	batch []place
	steps [][]place // every step's batch
	abort chan struct{}
	freed int
}

type place struct {
	token  int32
	pos    int
	seq    int
	logits bool
}

func newFake(t testing.TB) *fakeModel {
	return &fakeModel{
		t: t, cache: make(map[int][]int32), batch: make([]place, 4096), abort: make(chan struct{}, 1),
	}
}

func (f *fakeModel) Set(i int, token int32, pos, seq int, logits bool) {
	f.batch[i] = place{token, pos, seq, logits}
}

func (f *fakeModel) Arm() {
	select {
	case <-f.abort:
	default:
	}
}

func (f *fakeModel) Abort() {
	select {
	case f.abort <- struct{}{}:
	default:
	}
}

func (f *fakeModel) Decode(n int) error {
	f.mu.Lock()
	step := len(f.steps)
	f.steps = append(f.steps, append([]place(nil), f.batch[:n]...))
	f.mu.Unlock()
	if n == 0 {
		f.t.Error("an empty step")
	}
	if f.fail != nil {
		if err := f.fail(step); err != nil {
			return err
		}
	}
	if f.cost != nil {
		timer := time.NewTimer(f.cost(n))
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-f.abort:
			return ErrAborted
		}
	}
	for _, p := range f.batch[:n] {
		if p.pos != len(f.cache[p.seq]) {
			f.t.Errorf("step %d: token at %d of sequence %d, which holds %d", step, p.pos, p.seq, len(f.cache[p.seq]))
		}
		f.cache[p.seq] = append(f.cache[p.seq], p.token)
	}
	return nil
}

// next is the model: a hash of everything before.
func next(tokens []int32) int32 {
	h := uint32(2166136261)
	for _, t := range tokens {
		h = (h ^ uint32(t)) * 16777619
	}
	return int32(h>>8) % 90 & 0x7f
}

func (f *fakeModel) Sample(s Sampler, i int) (int32, error) {
	p := f.batch[i]
	if !p.logits {
		f.t.Errorf("sampled place %d, which has no logits", i)
	}
	if err := s.(*fakeSampler).err; err != nil {
		return 0, err
	}
	have := f.cache[p.seq]
	if have[len(have)-1] != p.token {
		f.t.Errorf("sampled in the middle of sequence %d", p.seq)
	}
	if end := s.(*fakeSampler).endAfter; end > 0 && len(have) >= end {
		return endToken, nil
	}
	return next(have), nil
}

func (f *fakeModel) Truncate(seq, keep int) bool {
	if f.uncutable && keep > 0 && keep < len(f.cache[seq]) {
		return false
	}
	if keep > len(f.cache[seq]) {
		f.t.Errorf("sequence %d holds %d tokens, %d were to be kept", seq, len(f.cache[seq]), keep)
	}
	f.cache[seq] = f.cache[seq][:keep]
	return true
}

func (f *fakeModel) Piece(token int32) string { return fmt.Sprintf("%d ", token) }
func (f *fakeModel) IsEOG(token int32) bool   { return token == endToken }

type fakeSampler struct {
	f        *fakeModel
	endAfter int // tokens in the cache; 0 never
	err      error
}

func (s *fakeSampler) Free() {
	s.f.mu.Lock()
	s.f.freed++
	s.f.mu.Unlock()
}

// want is what a prompt's answer must be.
func want(prompt []int32, n int) string {
	tokens := append([]int32(nil), prompt...)
	out := ""
	for range n {
		t := next(tokens)
		out += fmt.Sprintf("%d ", t)
		tokens = append(tokens, t)
	}
	return out
}

// prompt makes n tokens from a seed.
func prompt(seed, n int) []int32 {
	out := make([]int32, n)
	for i := range out {
		out[i] = int32((seed*7919 + i*31) % 90)
	}
	return out
}

// rig is a running scheduler with its output collected.
type rig struct {
	*Scheduler
	f    *fakeModel
	done chan error // Run's

	mu    sync.Mutex
	text  map[uint64]string
	order []uint64 // ids of the events, in their order
	ends  map[uint64]chan Event
}

func start(t testing.TB, f *fakeModel, cfg Config) *rig {
	r := &rig{
		f: f, done: make(chan error, 1), text: make(map[uint64]string), ends: make(map[uint64]chan Event),
	}
	cfg.Emit = func(events []Event) {
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, e := range events {
			r.text[e.ID] += string(e.Text)
			r.order = append(r.order, e.ID)
			if e.Done {
				r.ends[e.ID] <- e
			}
		}
	}
	r.Scheduler = New(f, f, cfg)
	go func() { r.done <- r.Run() }()
	t.Cleanup(func() {
		r.Stop()
		<-r.done
	})
	return r
}

func (r *rig) submit(t testing.TB, id uint64, prompt []int32, n int) {
	t.Helper()
	r.mu.Lock()
	r.ends[id] = make(chan Event, 2)
	r.mu.Unlock()
	job := &Job{ID: id, Prompt: prompt, MaxTokens: n, Sampler: &fakeSampler{f: r.f}}
	if err := r.Submit(job); err != nil {
		t.Errorf("submit %d: %v", id, err)
	}
}

func (r *rig) end(id uint64) Event {
	r.mu.Lock()
	c := r.ends[id]
	r.mu.Unlock()
	return <-c
}

func (r *rig) answer(id uint64) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text[id]
}
