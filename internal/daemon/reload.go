package daemon

import (
	"cmp"

	"inferd/internal/activity"
	"inferd/internal/admin"
	"inferd/internal/config"
	"inferd/internal/sdnotify"
	"inferd/route"
)

// reload is one that has begun. The file is read on a goroutine of its own: it may be
// on a disk that does not answer, and the daemon has to hear of its end.
type reload struct {
	done    chan struct{} // closed when what follows is there
	cfg     *config.Config
	changes []config.Change
	err     error

	reply chan<- error // nil: a signal asked for it
}

// read is closed when the file has been read.
func (r *reload) read() <-chan struct{} {
	if r == nil {
		return nil
	}
	return r.done
}

// answer tells who asked.
func (r *reload) answer(err error) {
	if r != nil && r.reply != nil {
		r.reply <- err
	}
}

// beginReload has the configuration read again.
func (d *Daemon) beginReload(reply chan<- error) *reload {
	old := d.cfg.Load()
	_ = sdnotify.Reloading()
	file := cmp.Or(old.File, "(no config file)")
	d.status.Publish(admin.Restarting(admin.CheckingLocal(file)))
	r := &reload{done: make(chan struct{}), reply: reply}
	go func() {
		defer close(r.done)
		r.cfg, r.changes, r.err = d.readConfig(old)
	}()
	return r
}

// endReload applies what can change while the daemon serves. No connection notices. A
// bad file changes nothing.
func (d *Daemon) endReload(r *reload) error {
	if r.err == nil {
		d.apply(r.cfg, r.changes)
	} else {
		d.log.Error("reload failed; the old settings stay", "error", r.err)
	}
	d.publishState()
	_ = sdnotify.Ready("serving")
	return r.err
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
