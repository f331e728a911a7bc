package loop

import (
	"bytes"
	"runtime"
	"sync"
)

// stash is input that is not yet consumed: B[head:], behind the pieces of a long
// line whose end has not come yet. It belongs to its connection's loop.
//
// A long line comes in pieces, so that it grows without being copied: for one of
// 64 MiB that would stop the loop for 10 ms. Its decoder puts them together.
type stash struct {
	*buffer
	head    int
	scanned int // no newline stands before B[scanned]

	pieces [][]byte // none has a newline; what they begin goes on at B[head], which is B[0]
	pieced int      // bytes in pieces
}

var stashPool = sync.Pool{New: func() any { return new(stash) }}

func newStash() *stash {
	in := stashPool.Get().(*stash)
	in.buffer = linePool.Get()
	return in
}

// release gives the memory back.
func (in *stash) release() {
	recycle(&linePool, in.buffer)
	*in = stash{}
	stashPool.Put(in)
}

// size is the number of bytes not yet consumed.
func (in *stash) size() int { return in.pieced + len(in.B) - in.head }

// add appends b. What lies here already takes no more than limit bytes.
func (in *stash) add(b []byte, limit int) {
	switch {
	case in.scanned == len(in.B) && len(in.B)-in.head >= pieceBytes:
		in.pieces = append(in.pieces, in.B[in.head:])
		in.pieced += len(in.B) - in.head
		in.B = make([]byte, 0, pieceBytes+readChunkBytes)
		in.head, in.scanned = 0, 0
	case in.head > 0 && (in.head == len(in.B) || in.head > cap(in.B)/2):
		n := copy(in.B, in.B[in.head:])
		in.B, in.head, in.scanned = in.B[:n], 0, in.scanned-in.head
	}
	appendCapped(in.buffer, b, limit)
}

// newline finds the next newline and returns its index in B; -1 if there is none.
// Each byte is looked at once, however slowly a line arrives.
func (in *stash) newline() int {
	in.scanned = max(in.scanned, in.head)
	i := bytes.IndexByte(in.B[in.scanned:], '\n')
	if i < 0 {
		in.scanned = len(in.B)
		return -1
	}
	return in.scanned + i
}

// take is the first line, whose newline is at end, with a byte to spare behind it.
// The stash is not used again: the line is its buffer, or what pieces are put into. In
// between others get a turn: a copy can't be preempted, nor, in effect, can a loop of
// copies, and a collection that begins meanwhile has everybody wait for it.
func (in *stash) take(end int) []byte {
	rest := in.B[in.head:end]
	if len(in.pieces) == 0 {
		return rest
	}
	line := make([]byte, 0, in.pieced+len(rest)+1)
	for i, piece := range in.pieces {
		line = append(line, piece...)
		in.pieces[i] = nil // may be freed from here on
		runtime.Gosched()
	}
	return append(line, rest...)
}
