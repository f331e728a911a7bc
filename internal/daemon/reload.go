package daemon

import (
	"cmp"

	"inferd/internal/activity"
	"inferd/internal/admin"
	"inferd/internal/config"
	"inferd/internal/sdnotify"
	"inferd/route"
)

// doReload reads the configuration again and applies what can change while the
// daemon serves. No connection notices. A bad file changes nothing.
func (d *Daemon) doReload() error {
	old := d.cfg.Load()
	_ = sdnotify.Reloading()
	file := cmp.Or(old.File, "(no config file)")
	d.status.Publish(admin.Restarting(admin.CheckingLocal(file)))
	cfg, changes, err := old.Reload()
	if err == nil {
		d.apply(cfg, changes)
	}
	d.publishState()
	_ = sdnotify.Ready("serving")
	return err
}

// apply puts the changed settings in force; it runs on the daemon's goroutine.
func (d *Daemon) apply(cfg *config.Config, changes []config.Change) {
	for _, c := range changes {
		if !c.Live {
			d.log.Warn("setting changes with the next restart", "setting", c.Name,
				"now", c.Old, "then", c.New)
			continue
		}
		d.log.Info("setting changed", "setting", c.Name, "from", c.Old, "to", c.New)
	}
	d.cfg.Store(cfg)
	if level, err := activity.ParseLevel(cfg.LogLevel); err == nil {
		d.level.Set(level)
	}
	d.service.Resize(d.permits(), cfg.QueueDepth)
	for _, name := range d.outrun(d.permits()) {
		d.log.Warn("more active_permits than this backend computes at once; the surplus waits "+
			"inside it until the daemon is restarted", "backend", name,
			"active_permits", d.permits(), "sequences", d.parallel)
	}
	d.server.SetTimeouts(timeouts(cfg))
	order := make([]route.Place, 0, len(cfg.Backends))
	for _, b := range cfg.Backends {
		order = append(order, route.Place{Name: b.Name, Weight: b.Weight})
	}
	if err := d.router.SetOrder(order); err != nil {
		d.log.Warn("the order of backends stays", "error", err)
	}
}

// outrun names the backends that compute fewer requests at once than permits. A
// llama.cpp context has the sequences that it was made with, for good.
func (d *Daemon) outrun(permits int) (names []string) {
	for _, b := range d.backends {
		if b.conf.Kind == config.KindLlamaCpp && permits > d.parallel {
			names = append(names, b.conf.Name)
		}
	}
	return names
}
