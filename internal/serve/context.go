package serve

import (
	"context"
	"sync"
	"time"

	"go.uber.org/atomic"
)

// cancelContext is a request's context. It differs from the standard library's
// in that its channel is made only when somebody asks for it, so a request to an
// engine that never waits allocates none, and in that it can be used again.
type cancelContext struct {
	cancelled atomic.Bool

	mu   sync.Mutex
	done chan struct{} // guarded by mu; nil until asked for
}

var _ context.Context = (*cancelContext)(nil)

func (c *cancelContext) Deadline() (time.Time, bool) { return time.Time{}, false }
func (c *cancelContext) Value(any) any               { return nil }

func (c *cancelContext) Err() error {
	if c.cancelled.Load() {
		return context.Canceled
	}
	return nil
}

func (c *cancelContext) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done == nil {
		c.done = make(chan struct{})
		if c.cancelled.Load() {
			close(c.done)
		}
	}
	return c.done
}

// cancel may be called once at most between two resets.
func (c *cancelContext) cancel() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cancelled.CompareAndSwap(false, true) && c.done != nil {
		close(c.done)
	}
}

// reusable says whether the context may serve another request: nobody can be
// left waiting on a channel that was never made.
func (c *cancelContext) reusable() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.done == nil
}

func (c *cancelContext) reset() { c.cancelled.Store(false) }
