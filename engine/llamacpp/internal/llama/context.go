package llama

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"github.com/ebitengine/purego"
	"go.uber.org/atomic"
)

// ErrContext says that llama.cpp could not set up a context, as a rule for want
// of memory.
var ErrContext = errors.New("llama.cpp can not set up the context; " +
	"lower --n-ctx or --active-permits")

// ErrAborted says that a step was given up after [Context.Abort]. Parts of its
// batch may be in the cache.
var ErrAborted = errors.New("step aborted")

// ContextConfig sizes a context.
type ContextConfig struct {
	CtxPerSeq int // tokens a sequence can hold
	Sequences int // sequences at once, at most 256
	Batch     int // tokens a step can take
	Threads   int
}

// Context holds the key-value cache of several sequences. All methods but Abort
// belong to one goroutine.
type Context struct {
	// immutable
	model  *Model
	handle uintptr
	memory uintptr
	pool   uintptr

	// Batch's arrays, in C memory, owned by the decode goroutine
	batch  batch
	tokens []int32
	pos    []int32
	seqs   []*int32
	logits []int8

	choice  choice  // Sample's
	allowed []int32 // its tokens that a grammar allows

	// abort is read by the native abort callback at every node of the graph.
	// The callback is libc's strlen: the C string in abort is empty (0, false)
	// or one byte long (1, true), so no compute thread has to enter Go.
	abort *atomic.Uint64
}

// NewContext allocates the cache for all sequences at once.
func (m *Model) NewContext(cfg ContextConfig) (*Context, error) {
	if cfg.Sequences < 1 || cfg.Sequences > maxSequences {
		return nil, fmt.Errorf("%d parallel sequences; llama.cpp takes 1 to %d",
			cfg.Sequences, maxSequences)
	}
	c := &Context{model: m, abort: atomic.NewUint64(0)}
	p := m.lib.contextDefaults()
	p.nCtx = uint32(cfg.CtxPerSeq * cfg.Sequences)
	p.nBatch, p.nUBatch = uint32(cfg.Batch), uint32(cfg.Batch)
	p.nSeqMax = uint32(cfg.Sequences)
	p.nThreads, p.nThreadsBatch = int32(cfg.Threads), int32(cfg.Threads)
	p.kvUnified = false // own buffers per sequence: 2 to 3 times faster at 64
	p.noPerf = true
	// unsafe: the library keeps the address for as long as the context lives. Go does
	// not move what is on its heap, and c holds on to it until Free is done.
	p.abort, p.abortData = m.lib.symStrlen, uintptr(unsafe.Pointer(c.abort))
	if c.handle = m.lib.newContext(m.handle, p); c.handle == 0 {
		return nil, ErrContext
	}
	if c.memory = m.lib.getMemory(c.handle); c.memory == 0 {
		m.lib.freeContext(c.handle)
		return nil, fmt.Errorf("%w: it keeps no memory of a text, as models for embeddings and "+
			"diffusion don't", ErrLoad)
	}
	if c.pool = m.lib.threadpool.newPool(cfg.Threads); c.pool != 0 {
		m.lib.threadpool.attach(c.handle, c.pool, c.pool)
	}
	c.batch = m.lib.batchInit(int32(cfg.Batch), 0, 1)
	// unsafe: batchInit has made each array for cfg.Batch elements, of C memory that
	// stays until Free; nothing uses c after that.
	c.tokens = unsafe.Slice(c.batch.token, cfg.Batch)
	c.pos = unsafe.Slice(c.batch.pos, cfg.Batch)
	c.seqs = unsafe.Slice(c.batch.seqID, cfg.Batch)
	c.logits = unsafe.Slice(c.batch.logits, cfg.Batch)
	for i := range unsafe.Slice(c.batch.nSeqID, cfg.Batch) {
		unsafe.Slice(c.batch.nSeqID, cfg.Batch)[i] = 1
	}
	return c, nil
}

// Free gives the cache back.
func (c *Context) Free() {
	c.model.lib.batchFree(c.batch)
	c.model.lib.freeContext(c.handle)
	if c.pool != 0 {
		c.model.lib.threadpool.free(c.pool)
	}
	runtime.KeepAlive(c.abort)
}

// CtxPerSeq is how many tokens a sequence can hold, as the library rounded it.
func (c *Context) CtxPerSeq() int { return int(c.model.lib.ctxPerSeq(c.handle)) }

// Set fills place i of the batch; logits says that the next token will be
// sampled from this place.
func (c *Context) Set(i int, token int32, pos int, seq int, logits bool) {
	c.tokens[i], c.pos[i], *c.seqs[i], c.logits[i] = token, int32(pos), int32(seq), 0
	if logits {
		c.logits[i] = 1
	}
}

// Arm takes back an earlier Abort. Called before the caller looks at its own
// cancellation flags, so that an Abort after that look still finds its step.
func (c *Context) Arm() {
	c.abort.Store(0)
	logAborted.Store(false)
}

// Decode computes the first n places of the batch.
func (c *Context) Decode(n int) error {
	c.batch.nTokens = int32(n)
	switch rc := c.model.lib.decode(c.handle, c.batch); rc {
	case 0:
		return nil
	case 2:
		return ErrAborted
	default:
		return fmt.Errorf("llama_decode gave up with code %d", rc)
	}
}

// Abort makes a Decode in progress, or the next one before Arm, return
// ErrAborted soon. Any goroutine.
func (c *Context) Abort() {
	logAborted.Store(true)
	c.abort.Store(abortString)
}

// abortString is the C string "x" whatever the byte order.
const abortString = 'x' | 'x'<<56

// Sample chooses the next token from place i of the last batch, which must have
// been set with logits, and tells the sampler's grammar. Errors are ErrNoToken,
// ErrGrammarEnd and those of package grammar.
func (c *Context) Sample(s *Sampler, i int) (int32, error) {
	address, _, _ := purego.SyscallN(c.model.lib.symLogits, c.handle, uintptr(i))
	if address == 0 {
		return 0, ErrNoToken
	}
	// unsafe: the library has a logit of each token of the vocabulary for such a place,
	// in its own memory, until the next step.
	logits := unsafe.Slice(*(**float32)(unsafe.Pointer(&address)), c.model.Tokens())
	c.choice.fill(logits)
	token, ok := s.choose(&c.choice) // none of the chain's samplers has to be told
	if !ok {
		return 0, ErrNoToken
	}
	if s.matcher == nil {
		return token, nil
	}
	return c.within(s, token, logits)
}

// within gives the chosen token if the grammar allows it, as it does as a rule, and
// chooses again among those that it allows otherwise, which takes a walk through all.
func (c *Context) within(s *Sampler, token int32, logits []float32) (int32, error) {
	ok, err := s.matcher.Allows(token)
	if err == nil && !ok {
		if c.allowed, err = s.matcher.Allowed(c.allowed[:0]); err != nil {
			return 0, err
		}
		if len(c.allowed) > 0 {
			c.choice.fillWith(c.allowed, logits)
			token, ok = s.choose(&c.choice)
		}
		if !ok {
			return 0, ErrGrammarEnd
		}
	}
	if err != nil {
		return 0, err
	}
	return token, s.matcher.Accept(token)
}

// Truncate forgets the tokens of seq from position keep on. False: the model's
// memory can't be cut there (recurrent state, a sliding window already gone);
// the caller then clears the sequence with keep 0, which always works.
func (c *Context) Truncate(seq, keep int) bool {
	end := ^uintptr(0) // -1: to the end
	r, _, _ := purego.SyscallN(c.model.lib.symSeqRemove, c.memory, uintptr(seq), uintptr(keep), end)
	if r&0xff == 0 {
		return false
	}
	// A sliding window may already have dropped what keep relies on.
	return keep == 0 || c.model.lib.memoryPosMin(c.memory, int32(seq)) == 0
}
