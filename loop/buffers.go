package loop

import "github.com/valyala/bytebufferpool"

// Lines and frames have pools of their own: bytebufferpool learns the size that
// most buffers need, and the two do not need the same.
var (
	linePool  bytebufferpool.Pool
	framePool bytebufferpool.Pool
)

type buffer = bytebufferpool.ByteBuffer

// recycle gives b back unless it has grown too large to keep. The pool caps
// nothing itself until it has seen some ten thousand buffers.
func recycle(p *bytebufferpool.Pool, b *buffer) {
	if b != nil && cap(b.B) <= pooledBytes {
		p.Put(b)
	}
}

// lend gives an empty buffer if there is one at hand, else nil. So that a worker finds
// its outbox there, most answers need no pool, which another processor may have to be
// asked for.
func (lp *eventLoop) lend() *buffer {
	last := len(lp.handy) - 1
	if last < 0 {
		return nil
	}
	b := lp.handy[last]
	lp.handy = lp.handy[:last]
	return b
}

// takeBack keeps a buffer that has been written at hand, or recycles it.
func (lp *eventLoop) takeBack(b *buffer) {
	if len(lp.handy) < handyBuffers && cap(b.B) <= handyBytes {
		b.Reset()
		lp.handy = append(lp.handy, b)
		return
	}
	recycle(&framePool, b)
}

// appendCapped appends src to b, growing by doubling but not beyond limit bytes
// (unless src itself needs more), so that the largest line costs at most twice
// its size on the way. The last step goes straight to the limit: one more copy of
// the largest line, for the few bytes beyond a power of two, would be a third.
func appendCapped(b *buffer, src []byte, limit int) {
	need := len(b.B) + len(src)
	if need <= cap(b.B) {
		b.B = append(b.B, src...)
		return
	}
	size := max(2*cap(b.B), 512)
	if size > limit/2 {
		size = limit
	}
	grown := make([]byte, need, max(need, size))
	copy(grown[copy(grown, b.B):], src)
	b.B = grown
}
