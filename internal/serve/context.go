package serve

import (
	"context"
	"sync"
	"time"

	"go.uber.org/atomic"
)

// ending is why a request's context ended.
type ending uint32

const (
	running     ending = iota // it has not
	clientGone                // nobody waits for the answer
	daemonEnded               // the client waits, but the daemon will not live to answer
)

// cancelContext is a request's context. It differs from the standard library's
// in that its channel is made only when somebody asks for it, so a request to an
// engine that never waits allocates none, and in that it can be used again.
type cancelContext struct {
	why  atomic.Uint32 // an ending
	used atomic.Bool   // done has been asked for

	mu   sync.Mutex
	done chan struct{} // guarded by mu; nil until asked for
}

var _ context.Context = (*cancelContext)(nil)

func (c *cancelContext) Deadline() (time.Time, bool) { return time.Time{}, false }
func (c *cancelContext) Value(any) any               { return nil }

func (c *cancelContext) Err() error {
	if c.ending() != running {
		return context.Canceled
	}
	return nil
}

// ending is one word, so that a request cannot be seen as ended and its reason
// missed.
func (c *cancelContext) ending() ending { return ending(c.why.Load()) }

func (c *cancelContext) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done == nil {
		c.used.Store(true)
		c.done = make(chan struct{})
		if c.ending() != running {
			close(c.done)
		}
	}
	return c.done
}

// cancel ends the context. It may be called again, for a request that was cut and
// whose client leaves then; the first reason stays.
func (c *cancelContext) cancel(why ending) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.why.CompareAndSwap(uint32(running), uint32(why)) && c.done != nil {
		close(c.done)
	}
}

// reusable says whether the context may serve another request: nobody can be
// left waiting on a channel that was never made.
func (c *cancelContext) reusable() bool { return !c.used.Load() }

func (c *cancelContext) reset() {
	if c.ending() != running { // a look costs less than to say so again
		c.why.Store(uint32(running))
	}
}
