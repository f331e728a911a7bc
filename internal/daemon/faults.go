package daemon

import (
	"fmt"
	"runtime/debug"
	"time"

	"go.uber.org/atomic"

	"inferd/internal/activity"
	"inferd/internal/metrics"
)

// panicked counts and logs a contained panic. The value may hold a client's
// bytes, so only its type and the stack are logged.
func (d *Daemon) panicked(v any) {
	d.metrics.Panic()
	d.log.Error("contained panic", "type", fmt.Sprintf("%T", v), "stack", string(debug.Stack()))
}

// refused counts and logs a connection over --max-connections.
func (d *Daemon) refused() {
	d.metrics.Reject(metrics.ConnectionLimit)
	d.act.ConnectionRefused(&activity.ConnectionRefused{
		Reason: "connection_limit", Limit: d.sized.MaxConnections,
	})
}

// acceptFailed logs one failed accept a second and how many went before it
// unlogged: clients can keep descriptors short for as long as they like.
func (d *Daemon) acceptFailed(err error) {
	if unlogged, ok := d.accepts.pass(time.Now()); ok {
		d.log.Warn("accept failed; trying again", "error", err, "unlogged", unlogged)
	}
}

// throttle lets one event of each second pass. It may be used from any
// goroutine.
type throttle struct {
	second atomic.Int64 // the Unix second in which the last one passed
	held   atomic.Int64 // not passed since
}

// pass says whether the event of now passes, and how many did not before it.
func (t *throttle) pass(now time.Time) (held int64, ok bool) {
	if sec := now.Unix(); t.second.Swap(sec) != sec {
		return t.held.Swap(0), true
	}
	t.held.Inc()
	return 0, false
}
