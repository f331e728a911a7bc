package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"time"

	"inferd/codec"
	"inferd/internal/admin"
	"inferd/internal/config"
	"inferd/internal/instance"
	"inferd/internal/limits"
	"inferd/internal/peer"
	"inferd/internal/sdnotify"
	"inferd/internal/serve"
	"inferd/loop"
)

// socketMode lets the owner and, with --group, a group talk to the daemon.
const socketMode = 0o660

// listener is one bound inference socket that nobody accepts from yet.
type listener struct {
	ln     net.Listener
	tcp    bool
	shared bool // with the service manager
}

// engineFDs is how many descriptors requests may need at once for connections to
// upstreams.
func (d *Daemon) engineFDs() int {
	for _, b := range d.cfg.Load().Backends {
		if b.Kind == config.KindOpenAI {
			return d.permits()
		}
	}
	return 0
}

// startServing binds the inference sockets, publishes `ready`, and accepts.
func (d *Daemon) startServing() error {
	cfg := d.cfg.Load()
	d.sized = limits.Size(limits.Probe(), limits.Limits{
		MaxConnections: cfg.MaxConnections, MaxOutputBytes: cfg.MaxOutputBytes,
		MaxInboundBytes: cfg.MaxInboundBytes,
	}, d.engineFDs())
	level := slog.LevelInfo
	if d.sized.Asked > 0 {
		level = slog.LevelWarn
	}
	d.log.Log(context.Background(), level, d.sized.String())
	listeners, err := d.bind(cfg)
	if err != nil {
		return err
	}
	server, err := loop.Start(loop.Options{
		Loops: cfg.Loops, MaxConnections: d.sized.MaxConnections,
		MaxAuthBytes: codec.MaxAuthLine, MaxPipelineBytes: int(cfg.MaxPipelineBytes),
		MaxOutputBytes: int(d.sized.MaxOutputBytes), MaxInboundBytes: d.sized.MaxInboundBytes,
		Timeouts: timeouts(cfg), Log: d.act.Logger("loop"),
		OnAcceptError: d.acceptFailed, OnPanic: d.panicked, OnRefused: d.refused,
	})
	if err != nil {
		closeAll(listeners)
		return err
	}
	service := serve.New(serve.Options{
		ActivePermits: d.permits(), QueueDepth: cfg.QueueDepth, Router: d.router,
		Log: d.act, Metrics: d.metrics, OnPanic: d.panicked,
	})
	d.serving.Store(&serving{service, server})
	d.service, d.server, d.alive = service, server, server.Alive
	gate := service.Gate()
	d.log.Info("admission gate configured", "active_permits", gate.Active(),
		"queue_depth", gate.Capacity()-gate.Active(), "capacity", gate.Capacity())

	d.publishState()
	if err := sdnotify.Ready("serving"); err != nil {
		d.log.Warn("the service manager was not told", "error", err)
	}
	d.accept(cfg, listeners)
	d.refuseUnserved()
	return nil
}

func timeouts(cfg *config.Config) loop.Timeouts {
	return loop.Timeouts{
		Write: cfg.WriteTimeout, Stall: cfg.StallTimeout, Idle: cfg.IdleTimeout,
		Line: cfg.LineTimeout, Auth: cfg.AuthTimeout,
	}
}

// bind binds all inference sockets or none.
func (d *Daemon) bind(cfg *config.Config) (all []listener, err error) {
	defer func() {
		if err != nil {
			closeAll(all)
		}
	}()
	if cfg.V2 || cfg.Embed {
		d.log.Warn("this version serves the v1 wire only; --v2 and --embed have no effect")
	}
	if all, err = d.activated(cfg); err != nil || len(all) > 0 {
		return all, err
	}
	if cfg.UDS != "" {
		ln, err := instance.ListenUnix(cfg.UDS, socketMode, cfg.Group)
		if err != nil {
			return all, err
		}
		d.log.Info("uds listener bound", "path", cfg.UDS)
		all = append(all, listener{ln, false, false})
	}
	if cfg.TCP != "" {
		ln, err := instance.ListenTCP(cfg.TCP)
		if err != nil {
			return all, err
		}
		d.log.Info("tcp listener bound", "addr", ln.Addr())
		all = append(all, listener{ln, true, false})
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no transport configured: give --uds or --tcp")
	}
	return all, nil
}

func closeAll(all []listener) {
	for _, l := range all {
		_ = l.ln.Close()
	}
}

func (d *Daemon) accept(cfg *config.Config, listeners []listener) {
	allow := peer.Allow{UIDs: cfg.AllowUIDs, GIDs: cfg.AllowGIDs}
	closedBy := d.closedObserver()
	for _, l := range listeners {
		o := serve.V1Options{OnClose: closedBy}
		if !allow.Everyone() {
			o.Allow = allow.Permits
		}
		needKey := l.tcp && cfg.APIKey != ""
		if needKey {
			o.APIKey = cfg.APIKey
			d.log.Info("tcp api-key auth enabled", "addr", l.ln.Addr())
		}
		d.shared = d.shared || l.shared
		d.server.Serve(l.ln, d.service.V1(o), loop.ListenOptions{
			NeedKey: needKey, Shared: l.shared,
		})
	}
}

// closedObserver counts and remembers closed connections.
func (d *Daemon) closedObserver() func(*loop.Conn, *serve.Client, loop.Reason) {
	names := make([]string, 0, len(loop.Reasons()))
	for _, r := range loop.Reasons() {
		names = append(names, r.String())
	}
	counters := d.metrics.ClosedCounters(names)
	return func(c *loop.Conn, client *serve.Client, why loop.Reason) {
		counters[why].Inc()
		d.closed.add(admin.ClosedConn{
			ID: c.ID(), Peer: client.Peer(), Reason: why.String(), At: time.Now(),
		})
	}
}
