package daemon

import (
	"errors"
	"fmt"
	"time"

	"inferd/engine/llamacpp"
	"inferd/internal/activity"
	"inferd/internal/admin"
	"inferd/internal/metrics"
	"inferd/internal/serve"
	"inferd/internal/version"
	"inferd/loop"
	"inferd/route"
)

// commands is the daemon as the admin socket's commands see it. Its methods run
// on admin clients' goroutines.
type commands Daemon

var errNotServing = errors.New("the daemon does not serve yet")

// stats is the reply to the stats command.
type stats struct {
	Version      string           `json:"version"`
	Status       string           `json:"status"`
	UptimeMS     int64            `json:"uptime_ms"`
	Active       int              `json:"active"`
	Queued       int              `json:"queued"`
	Capacity     int              `json:"capacity"`
	Permits      int              `json:"active_permits"`
	RetryAfterMS int64            `json:"retry_after_ms"`
	Connections  int              `json:"connections"`
	Refused      uint64           `json:"connections_refused"`
	InboundBytes int64            `json:"inbound_bytes"`
	Loops        int              `json:"loops"`
	LogDropped   uint64           `json:"log_dropped"`
	Backends     []backendStats   `json:"backends"`
	Counters     metrics.Counters `json:"counters"`
}

type backendStats struct {
	Name    string          `json:"name"`
	Adapter string          `json:"adapter"`
	Ready   bool            `json:"ready"`
	Breaker string          `json:"breaker"`
	Engine  *llamacpp.Stats `json:"engine,omitempty"`
}

// Stats gathers what an operator wants at a glance.
func (c *commands) Stats() any {
	d := (*Daemon)(c)
	out := stats{
		Version: version.Version, Status: d.status.Status(),
		UptimeMS: time.Since(d.started).Milliseconds(), LogDropped: d.act.Dropped(),
		Backends: []backendStats{},
	}
	s := d.serving.Load()
	if s == nil {
		return out
	}
	gate := s.service.Gate()
	out.Active, out.Queued = gate.Load()
	out.Capacity, out.Permits = gate.Capacity(), gate.Active()
	out.RetryAfterMS = gate.RetryAfter().Milliseconds()
	out.Connections, out.Refused = s.server.Count(), s.server.Refused()
	out.InboundBytes, out.Loops = s.server.Inbound(), s.server.Loops()
	out.Counters = d.metrics.Counters()
	for _, b := range d.router.Status() {
		out.Backends = append(out.Backends, d.backendStats(b))
	}
	return out
}

func (d *Daemon) backendStats(b route.Status) backendStats {
	out := backendStats{
		Name: b.Name, Adapter: b.Adapter, Ready: b.Ready, Breaker: b.Breaker.String(),
	}
	for _, have := range d.backends {
		if eng, ok := have.eng.(*llamacpp.Engine); ok && have.conf.Name == b.Name {
			st := eng.Stats()
			out.Engine = &st
		}
	}
	return out
}

// Connections lists the open connections.
func (c *commands) Connections() []admin.ConnInfo {
	s := (*Daemon)(c).serving.Load()
	if s == nil {
		return nil
	}
	now := loop.Nanotime()
	var all []admin.ConnInfo
	for _, conn := range s.server.Conns() {
		in, out := conn.Bytes()
		info := admin.ConnInfo{
			ID: conn.ID(), Peer: conn.Tag().(*serve.Client).Peer(), Wire: "v1",
			AgeMS:   (now - conn.OpenedAt()) / int64(time.Millisecond),
			BytesIn: in, BytesOut: out, Requests: conn.Lines(),
			PendingOutputBytes: conn.Pending(),
		}
		conn.WithTask(func(t loop.Task) {
			info.PendingRequests = 1
			info.RunningRequest = serve.RequestID(t)
		})
		all = append(all, info)
	}
	return all
}

// Closed lists the last closed connections.
func (c *commands) Closed() []admin.ClosedConn { return (*Daemon)(c).closed.list() }

// Drain begins the shutdown.
func (c *commands) Drain() {
	select {
	case c.drain <- "admin":
	default: // it has begun
	}
}

// SetLogLevel changes the level until the next reload or restart.
func (c *commands) SetLogLevel(level string) error {
	l, err := activity.ParseLevel(level)
	if err != nil {
		return err
	}
	c.level.Set(l)
	return nil
}

// Cancel closes a connection and ends its work.
func (c *commands) Cancel(id uint64) error {
	s := (*Daemon)(c).serving.Load()
	if s == nil {
		return errNotServing
	}
	if !s.server.CloseConn(id, loop.ReasonOperator) {
		return fmt.Errorf("no connection %d", id)
	}
	return nil
}

var (
	errEnding = errors.New("the daemon is shutting down")
	errBusy   = errors.New("the daemon is busy with another reload, or shutting down")
)

// Reload reads the configuration again and waits for the outcome.
func (c *commands) Reload() error {
	if c.serving.Load() == nil {
		return errNotServing
	}
	reply := make(chan error, 1)
	select {
	case c.reload <- reply:
		return <-reply
	case <-time.After(stopTimeout):
		return errBusy
	}
}
