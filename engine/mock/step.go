package mock

import (
	"context"
	"runtime"
	"sync"

	"inferd/engine"
)

// stepper steps all running streams by one token at a time in one goroutine, as an
// engine with continuous batching does. Between steps it yields. Its goroutine lives
// while there are streams.
type stepper struct {
	begin func() // work, as a value: a go statement that binds st would allocate

	mu sync.Mutex
	// guarded by mu
	joining []*stream // to take part from the next step on
	running bool      // there is a goroutine

	active []*stream // owned by the goroutine
	free   sync.Pool // of *stream
}

func newStepper() *stepper {
	st := new(stepper)
	st.begin = st.work
	return st
}

// stream is one request on its way through the stepper, which owns it from join
// until back is sent to.
type stream struct {
	ctx    context.Context
	out    engine.Sink
	tokens [][]byte // still to come
	err    error    // why it is back, nil at its end
	back   chan struct{}
}

// run emits the tokens. Where the client has no room for one it waits here, in the
// request's own goroutine, while the others go on.
func (st *stepper) run(ctx context.Context, tokens [][]byte, out engine.Sink) error {
	s, ok := st.free.Get().(*stream)
	if !ok {
		s = &stream{back: make(chan struct{}, 1)}
	}
	s.ctx, s.out, s.tokens, s.err = ctx, out, tokens, nil
	for len(s.tokens) > 0 && s.err == nil {
		st.join(s)
		<-s.back
		if s.err == engine.ErrFull {
			s.err = out.Token(s.tokens[0], false)
			s.tokens = s.tokens[1:]
		}
	}
	err := s.err
	s.ctx, s.out, s.tokens, s.err = nil, nil, nil, nil
	st.free.Put(s)
	return err
}

func (st *stepper) join(s *stream) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.joining = append(st.joining, s)
	if !st.running {
		st.running = true
		go st.begin()
	}
}

func (st *stepper) work() {
	for st.admit() {
		rest := st.active[:0]
		for _, s := range st.active {
			if s.step() {
				rest = append(rest, s)
			}
		}
		clear(st.active[len(rest):])
		st.active = rest
		runtime.Gosched()
	}
}

// admit takes in who has joined. If nobody is there the goroutine has to end, and
// nothing is its own any more.
func (st *stepper) admit() bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.active = append(st.active, st.joining...)
	clear(st.joining)
	st.joining = st.joining[:0]
	st.running = len(st.active) > 0
	return st.running
}

// step emits the next token, and says whether there is another step to come. If not,
// the stream is not touched after.
func (s *stream) step() bool {
	if s.err = s.ctx.Err(); s.err == nil {
		s.err = s.out.Offer(s.tokens[0])
	}
	if s.err == nil {
		s.tokens = s.tokens[1:]
	}
	if s.err == nil && len(s.tokens) > 0 {
		return true
	}
	s.back <- struct{}{}
	return false
}
