package daemon

import (
	"fmt"
	"runtime/debug"

	"inferd/internal/metrics"
)

// panicked counts and logs a contained panic. The value may hold a client's
// bytes, so only its type and the stack are logged.
func (d *Daemon) panicked(v any) {
	d.metrics.Panic()
	d.log.Error("contained panic", "type", fmt.Sprintf("%T", v), "stack", string(debug.Stack()))
}

// refused counts a connection over the limit.
func (d *Daemon) refused() {
	d.metrics.Reject(metrics.ConnectionLimit)
	d.log.Warn("connection refused", "limit", d.sized.MaxConnections, "setting", "--max-connections")
}
