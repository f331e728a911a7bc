package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"

	"inferd/internal/admin"
	"inferd/internal/config"
	"inferd/internal/instance"
	"inferd/internal/metrics"
	"inferd/internal/peer"
	"inferd/internal/version"
)

// openPerimeter takes the lock and opens what observers see: the admin socket
// and the metrics. It comes before any engine work, so that a second instance
// ends at once and a first one can be watched while it loads.
func (d *Daemon) openPerimeter() error {
	cfg := d.cfg.Load()
	lock, err := instance.Acquire(cfg.Lock)
	if err != nil {
		return err
	}
	d.lock = lock
	d.log.Info("single-instance lock held", "path", lock.Path())
	if d.sockets, err = d.passedSockets(); err != nil {
		d.releaseLock()
		return fmt.Errorf("sockets of the service manager: %w", err)
	}
	d.status = admin.NewBroadcaster()
	d.admin = admin.NewServer(admin.Options{
		Broadcaster: d.status, Commands: (*commands)(d), Log: d.act.Logger("admin"),
		MayCommand: sameUser,
	})
	ln, err := d.adminListener(cfg)
	if err != nil {
		d.releaseLock()
		return err
	}
	d.adminEnd = make(chan struct{})
	go func() { defer close(d.adminEnd); _ = d.admin.Serve(ln) }()
	if err := d.openMetrics(cfg); err != nil {
		d.closePerimeter()
		return err
	}
	return nil
}

func (d *Daemon) adminListener(cfg *config.Config) (net.Listener, error) {
	if got := d.sockets[instance.ActivatedAdmin]; len(got) > 0 {
		d.log.Info("admin uds listener taken over", "addr", got[0].Addr())
		return got[0], nil
	}
	ln, err := instance.ListenUnix(cfg.Admin, 0o600, "")
	if err != nil {
		return nil, fmt.Errorf("admin socket: %w", err)
	}
	d.log.Info("admin uds listener bound", "path", cfg.Admin)
	return ln, nil
}

// sameUser lets the daemon's own user and root send commands.
func sameUser(c net.Conn) error {
	id, err := peer.FromConn(c)
	if err != nil || id.UID < 0 {
		return errors.New("commands need a peer whose user is known")
	}
	if id.UID != os.Geteuid() && id.UID != 0 {
		return errors.New("commands are for the daemon's own user")
	}
	return nil
}

func (d *Daemon) openMetrics(cfg *config.Config) error {
	d.metrics = metrics.New(metrics.Options{
		Enabled: cfg.MetricsAddr != "",
		Version: version.Version, Commit: version.Commit(), GoVersion: version.Go(),
		QueueDepth:    func() float64 { _, queued := d.load(); return float64(queued) },
		Active:        func() float64 { active, _ := d.load(); return float64(active) },
		QueueCapacity: func() float64 { return float64(d.capacity()) },
		Connections:   func() float64 { return float64(d.connections()) },
		LogDropped:    d.act.Dropped,
	})
	if cfg.MetricsAddr == "" {
		return nil
	}
	if err := metrics.CheckAddr(cfg.MetricsAddr, cfg.MetricsAllowRemote); err != nil {
		return err
	}
	ln, err := instance.ListenTCP(cfg.MetricsAddr)
	if err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	d.log.Info("metrics listener bound", "addr", ln.Addr())
	d.web = metrics.NewServer(d.metrics, func() (string, bool) {
		return d.status.Status(), d.healthy()
	}, d.act.Logger("metrics"))
	go func() { _ = d.web.Serve(ln) }()
	return nil
}

// closePerimeter is the last of a shutdown: watchers have seen `draining` and
// get their end of file.
func (d *Daemon) closePerimeter() {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	_ = d.admin.Close(ctx)
	<-d.adminEnd // its socket is removed, however early this end comes
	if d.web != nil {
		_ = d.web.Close(ctx)
	}
	for _, ln := range d.unserved {
		_ = ln.Close()
	}
	d.releaseLock()
}

func (d *Daemon) releaseLock() {
	if err := d.lock.Release(); err != nil {
		d.log.Warn("the lock could not be released", "error", err)
	}
}

// healthy says whether a request would find a backend. A daemon that reads its
// configuration anew serves on.
func (d *Daemon) healthy() bool {
	s := d.status.Status()
	return s == stateReady || s == stateRestarting && d.serving.Load() != nil && d.router.AnyReady()
}

// load, capacity and connections may be asked before there is anything to say.
func (d *Daemon) load() (active, queued int) {
	if s := d.serving.Load(); s != nil {
		return s.service.Gate().Load()
	}
	return 0, 0
}

func (d *Daemon) capacity() int {
	if s := d.serving.Load(); s != nil {
		return s.service.Gate().Capacity()
	}
	return 0
}

func (d *Daemon) connections() int {
	if s := d.serving.Load(); s != nil {
		return s.server.Count()
	}
	return 0
}
