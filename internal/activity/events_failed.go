package activity

import "log/slog"

// QueueFull logs queue_full.
func (l *Log) QueueFull(e *QueueFull) {
	if !l.beginsAt(kindQueueFull, e.At) {
		return
	}
	n := l.line()
	n.num(`"active":`, int64(e.Active))
	n.conn(e.Conn)
	n.name(kindQueueFull, V1)
	n.text(`"peer":"`, e.Peer)
	n.num(`"queued":`, int64(e.Queued))
	n.str(`"req_id":"`, e.ReqID)
	n.num(`"retry_after_ms":`, int64(e.RetryAfterMS))
	n.time(&l.stamp, n.now)
	n.wire(e.Wire)
	l.finish(kindQueueFull, n)
}

// InvalidRequest logs invalid_request.
func (l *Log) InvalidRequest(e *InvalidRequest) {
	if !l.begins(kindInvalidRequest) {
		return
	}
	n := l.line()
	n.conn(e.Conn)
	n.name(kindInvalidRequest, V1)
	n.text(`"peer":"`, e.Peer)
	n.str(`"reason":"`, e.Reason)
	n.str(`"req_id":"`, e.ReqID)
	n.time(&l.stamp, n.now)
	n.wire(e.Wire)
	l.finish(kindInvalidRequest, n)
}

// RequestOversized logs request_oversized.
func (l *Log) RequestOversized(e *RequestOversized) {
	if !l.begins(kindRequestOversized) {
		return
	}
	n := l.line()
	n.conn(e.Conn)
	n.level(kindRequestOversized)
	n.num(`"limit_bytes":`, e.LimitBytes)
	n.msg(kindRequestOversized, V1)
	n.text(`"peer":"`, e.Peer)
	n.time(&l.stamp, n.now)
	n.wire(e.Wire)
	l.finish(kindRequestOversized, n)
}

// RequestCancelled logs request_cancelled.
func (l *Log) RequestCancelled(e *RequestCancelled) {
	if !l.begins(kindRequestCancelled) {
		return
	}
	n := l.line()
	n.str(`"backend":"`, e.Backend)
	n.conn(e.Conn)
	n.millis(`"duration_ms":`, e.Duration)
	n.name(kindRequestCancelled, V1)
	n.text(`"peer":"`, e.Peer)
	n.str(`"reason":"`, e.Reason)
	n.str(`"req_id":"`, e.ReqID)
	n.str(`"stage":"`, e.Stage)
	n.time(&l.stamp, n.now)
	n.wire(e.Wire)
	l.finish(kindRequestCancelled, n)
}

// RequestErrorMidStream logs request_error_mid_stream.
func (l *Log) RequestErrorMidStream(e *RequestErrorMidStream) {
	if !l.begins(kindErrorMidStream) {
		return
	}
	n := l.line()
	n.str(`"backend":"`, e.Backend)
	n.conn(e.Conn)
	n.millis(`"duration_ms":`, e.Duration)
	n.name(kindErrorMidStream, e.Wire)
	n.text(`"peer":"`, e.Peer)
	n.str(`"reason":"`, e.Reason)
	n.str(`"req_id":"`, e.ReqID)
	n.time(&l.stamp, n.now)
	n.wire(e.Wire)
	l.finish(kindErrorMidStream, n)
}

// BackendFailed logs backend_failed.
func (l *Log) BackendFailed(e *BackendFailed) {
	if !l.begins(kindBackendFailed) {
		return
	}
	n := l.line()
	n.str(`"backend":"`, e.Backend)
	n.conn(e.Conn)
	n.name(kindBackendFailed, V1)
	n.text(`"peer":"`, e.Peer)
	n.str(`"reason":"`, e.Reason)
	n.str(`"req_id":"`, e.ReqID)
	n.time(&l.stamp, n.now)
	n.wire(e.Wire)
	l.finish(kindBackendFailed, n)
}

// NoBackend logs no_backend.
func (l *Log) NoBackend(e *NoBackend) {
	if !l.begins(kindNoBackend) {
		return
	}
	n := l.line()
	n.conn(e.Conn)
	n.name(kindNoBackend, V1)
	n.text(`"peer":"`, e.Peer)
	n.str(`"req_id":"`, e.ReqID)
	n.time(&l.stamp, n.now)
	n.wire(e.Wire)
	l.finish(kindNoBackend, n)
}

// Breaker logs breaker_opened, breaker_half_open or breaker_closed.
func (l *Log) Breaker(backend string, state BreakerState) {
	k := kindBreakerClosed + kind(min(state, BreakerOpened))
	if !l.begins(k) {
		return
	}
	n := l.line()
	n.str(`"backend":"`, backend)
	n.b = append(n.b, activityField...)
	n.name(k, V1)
	n.time(&l.stamp, n.now)
	l.finish(k, n)
}

// DrainCut logs drain_cut: requests that the end of the drain cut off.
func (l *Log) DrainCut(running, queued int) {
	if !l.begins(kindDrainCut) {
		return
	}
	n := l.line()
	n.b = append(n.b, activityField...)
	n.name(kindDrainCut, V1)
	n.num(`"queued":`, int64(queued))
	n.num(`"running":`, int64(running))
	n.time(&l.stamp, n.now)
	l.finish(kindDrainCut, n)
}

// Names lists the message of every event, for the documentation's test.
func Names() []string {
	names := []string{"log_dropped", "log_suppressed"}
	for _, k := range kinds {
		names = append(names, k.name)
		if k.perWire {
			names = append(names, wirePrefix[V2]+k.name, wirePrefix[Embed]+k.name)
		}
	}
	return names
}

// kind is one event name.
type kind uint8

const (
	kindRequestDone kind = iota
	kindErrorMidStream
	kindConnectionAccepted
	kindConnectionRefused
	kindConnectionClosed
	kindTCPAuthRejected
	kindQueueFull
	kindInvalidRequest
	kindRequestOversized
	kindRequestCancelled
	kindBackendFailed
	kindNoBackend
	kindBreakerClosed // the breaker's kinds in the order of BreakerState
	kindBreakerHalfOpen
	kindBreakerOpened
	kindDrainCut
	kindCount
)

// kinds say what each event is called, how loud it is, and whether clients can
// cause it at will (flood), so that the limits of the package comment hold.
var kinds = [kindCount]struct {
	name    string
	level   slog.Level
	flood   bool
	perWire bool // the name is prefixed on wires other than v1
}{
	kindRequestDone:        {name: "request_done", level: slog.LevelInfo, perWire: true},
	kindErrorMidStream:     {name: "request_error_mid_stream", level: slog.LevelWarn, perWire: true},
	kindConnectionAccepted: {name: "connection_accepted", flood: true, perWire: true},
	kindConnectionRefused: {
		name: "connection_refused", level: slog.LevelWarn, flood: true,
	},
	kindConnectionClosed: {name: "connection_closed", flood: true},
	kindTCPAuthRejected: {
		name: "tcp_auth_rejected", level: slog.LevelWarn, flood: true, perWire: true,
	},
	kindQueueFull:        {name: "queue_full", level: slog.LevelWarn, flood: true},
	kindInvalidRequest:   {name: "invalid_request", level: slog.LevelWarn, flood: true},
	kindRequestOversized: {name: "request_oversized", level: slog.LevelWarn, flood: true},
	kindRequestCancelled: {name: "request_cancelled", flood: true},
	kindBackendFailed:    {name: "backend_failed", level: slog.LevelWarn},
	kindNoBackend:        {name: "no_backend", level: slog.LevelWarn, flood: true},
	kindBreakerClosed:    {name: "breaker_closed"},
	kindBreakerHalfOpen:  {name: "breaker_half_open"},
	kindBreakerOpened:    {name: "breaker_opened", level: slog.LevelWarn},
	kindDrainCut:         {name: "drain_cut", level: slog.LevelWarn},
}
