package daemon

import (
	"context"
	"errors"
	"fmt"
	"time"

	"inferd/engine"
	"inferd/engine/llamacpp"
	"inferd/engine/llamacpp/builtin"
	"inferd/engine/mock"
	"inferd/engine/openaicompat"
	"inferd/internal/activity"
	"inferd/internal/admin"
	"inferd/internal/config"
	"inferd/internal/sdnotify"
	"inferd/internal/store"
	"inferd/internal/version"
	"inferd/route"
)

// backend is one configured engine.
type backend struct {
	conf config.Backend
	eng  engine.Engine
}

// startEngines makes every configured engine, in order, and the router. That
// may take as long as models take to load.
func (d *Daemon) startEngines(ctx context.Context) error {
	loading, loaded := context.WithCancel(ctx)
	defer loaded()
	go func() { _ = sdnotify.KeepStarting(loading) }()
	cfg := d.cfg.Load()
	d.parallel = min(d.permits(), llamacpp.MaxParallel)
	var entries []route.Entry
	for _, b := range cfg.Backends {
		eng, err := d.newEngine(ctx, cfg, b)
		if err != nil {
			return fmt.Errorf("backend %q: %w", b.Name, err)
		}
		d.backends = append(d.backends, backend{b, eng})
		entries = append(entries, route.Entry{Name: b.Name, Engine: eng, Weight: b.Weight})
		d.log.Info("backend constructed", "name", b.Name, "kind", eng.Name())
	}
	for _, b := range d.backends {
		c := b.eng.Capabilities()
		if c.Note != "" {
			d.log.Info("model notice", "backend", b.conf.Name, "model", c.Model, "note", c.Note)
		}
		d.status.Publish(admin.Capabilities(b.conf.Name, c))
	}
	router, err := route.New(entries, route.Options{OnChange: d.breakerChanged})
	if err != nil {
		return err
	}
	d.router = router
	for _, b := range d.backends {
		d.metrics.Breaker(b.conf.Name, func() float64 { return float64(router.State(b.conf.Name)) })
	}
	return nil
}

// breakerChanged runs with the breaker's lock held: it only logs.
func (d *Daemon) breakerChanged(name string, _, to route.State) {
	state := activity.BreakerClosed
	switch to {
	case route.HalfOpen:
		state = activity.BreakerHalfOpen
	case route.Open:
		state = activity.BreakerOpened
	}
	d.act.Breaker(name, state)
}

// awaitReady waits until every backend is ready.
func (d *Daemon) awaitReady(ctx context.Context) error {
	timeout := d.cfg.Load().ReadyTimeout
	start := time.Now()
	tick := time.NewTicker(readyPoll)
	defer tick.Stop()
	for !d.router.AllReady() {
		if waited := time.Since(start); waited >= timeout {
			return fmt.Errorf("backend not ready within %v (--ready-timeout)", timeout)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	d.log.Info("backend ready", "waited", time.Since(start))
	return nil
}

// stopEngines ends them, whatever they are at.
func (d *Daemon) stopEngines() {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	for _, b := range d.backends {
		if err := b.eng.Stop(ctx); err != nil {
			d.log.Warn("backend did not stop in time", "name", b.conf.Name, "error", err)
		}
	}
}

func (d *Daemon) newEngine(
	ctx context.Context, cfg *config.Config, b config.Backend,
) (engine.Engine, error) {
	hooks := d.hooks(b)
	switch b.Kind {
	case config.KindMock:
		return newMock(b.Mock, hooks)
	case config.KindOpenAI:
		return newOpenAI(b, hooks)
	default:
		return d.newLlama(ctx, cfg, b, hooks)
	}
}

// hooks publish what an engine tells of itself.
func (d *Daemon) hooks(b config.Backend) engine.Hooks {
	return engine.Hooks{
		Phase: d.publishPhase,
		State: func(ready bool, reason string) { d.backendChanged(b, ready, reason) },
		Log:   d.act.Logger(b.Kind),
	}
}

// backendChanged hears of an engine that was lost or is back. While the daemon
// boots, the boot has the word.
func (d *Daemon) backendChanged(b config.Backend, ready bool, reason string) {
	log := d.act.Logger(b.Kind)
	serving := d.serving.Load() != nil
	if ready {
		log.Info("backend is back", "name", b.Name)
	} else {
		log.Warn("backend lost", "name", b.Name, "reason", reason)
	}
	if !serving {
		return
	}
	// A worker process that was started anew owes nothing to the one before. An
	// upstream that answers its probe may be the one that failed.
	if ready && b.Kind == config.KindLlamaCpp {
		d.router.Renew(b.Name)
	}
	d.publishState()
}

// publishPhase says how far a backend is with loading, unless another one serves
// meanwhile.
func (d *Daemon) publishPhase(p engine.Phase) {
	d.stateMu.Lock()
	defer d.stateMu.Unlock()
	if d.serving.Load() == nil || !d.router.AnyReady() {
		d.status.Publish(admin.Loading(admin.EnginePhase(p)))
	}
}

// stateReady is admin's word for a daemon that serves, and stateRestarting for one that
// has no backend for now, or reads its configuration.
const (
	stateReady      = "ready"
	stateRestarting = "restarting"
)

// publishState says what the backends amount to: ready while any of them is, else
// restarting, with the most preferred one. An engine changes its readiness before
// it says so, so whoever looks last sees it as it is.
func (d *Daemon) publishState() {
	d.stateMu.Lock()
	defer d.stateMu.Unlock()
	switch {
	case !d.router.AnyReady():
		first := d.router.Status()[0].Name // a daemon has backends
		d.status.Publish(admin.Restarting(admin.CheckingLocal("(" + first + ")")))
	case d.status.Status() != stateReady:
		d.status.Publish(admin.Ready())
	}
}

func newMock(m config.Mock, hooks engine.Hooks) (engine.Engine, error) {
	refuse, err := mock.Refusal(m.Error)
	if err != nil {
		return nil, err
	}
	hooks.DoPhase(engine.Phase{Name: "checking_local", Path: "(mock)"})
	opt := mock.Options{
		Tokens: max(m.Tokens, 0), TokenDelay: m.TokenDelay, TokenBytes: int(m.TokenBytes),
		DropAfter: m.DropAfter, HasDropAfter: m.DropAfter >= 0,
		Refuse: refuse, ReadyAfter: m.ReadyAfter,
	}
	if m.Tokens == 0 {
		opt.Texts = []string{} // asked for: an answer without tokens
	}
	return mock.New(opt), nil
}

func newOpenAI(b config.Backend, hooks engine.Hooks) (engine.Engine, error) {
	o := b.OpenAI
	return openaicompat.New(openaicompat.Options{
		Name: b.Name, BaseURL: o.BaseURL, Model: o.Model, APIKey: o.APIKey,
		Timeout: o.Timeout, ConnectTimeout: o.ConnectTimeout,
		FirstTokenTimeout: o.FirstTokenTimeout, IdleTimeout: o.IdleTimeout,
		PassTopK: o.PassTopK, PassGrammar: o.PassGrammar, Embed: o.Embed,
		ProbeInterval: o.ProbeInterval, ProbePath: o.ProbePath,
	}, hooks)
}

func (d *Daemon) newLlama(
	ctx context.Context, cfg *config.Config, b config.Backend, hooks engine.Hooks,
) (engine.Engine, error) {
	opt := llamacpp.Options{
		NCtx: b.Llama.NCtx, NGPULayers: b.Llama.NGPULayers, Parallel: d.parallel,
		Threads: cfg.LlamaThreads, LibDir: cfg.LlamaLib, AllowLibrary: cfg.AllowLlamaLib,
		ChatTemplate: b.Llama.ChatTemplate, Isolation: cfg.EngineIsolation,
		// Who waits longer for readiness means a model that loads longer.
		LoadTimeout: max(llamacpp.DefaultLoad, cfg.ReadyTimeout),
	}
	switch {
	case b.Llama.BuiltIn:
		opt.ModelBytes, opt.ModelName, opt.Note = builtin.Bytes(), builtin.Name, builtin.Note
	case b.Llama.ModelPath != "":
		opt.ModelPath, opt.ModelSHA256 = b.Llama.ModelPath, b.Llama.ModelSHA256
	default:
		path, err := d.fetch(ctx, cfg, b.Llama.Model)
		if err != nil {
			return nil, err
		}
		opt.ModelPath, opt.ModelName = path, b.Llama.Model.Name
	}
	return llamacpp.New(ctx, opt, hooks)
}

// permits is how many requests run at once: what the operator says, or what
// the built-in model does well, or one.
func (d *Daemon) permits() int {
	cfg := d.cfg.Load()
	if !cfg.ActivePermitsSet && len(cfg.Backends) == 1 && cfg.Backends[0].Llama.BuiltIn &&
		cfg.Backends[0].Kind == config.KindLlamaCpp {
		return builtinPermits
	}
	return cfg.ActivePermits
}

// fetch gets a model of the store, downloading it if need be.
func (d *Daemon) fetch(ctx context.Context, cfg *config.Config, m config.Model) (string, error) {
	if cfg.ModelsHome == "" {
		return "", errors.New("no place for models: set models_home or HOME")
	}
	s, err := store.Open(cfg.ModelsHome, store.Options{
		AutoPull: cfg.AutoPull, Producer: "inferd/" + version.Version,
		Progress: d.storeProgress, Log: d.act.Logger("store"),
	})
	if err != nil {
		return "", err
	}
	return s.Fetch(ctx, store.Spec{
		Name: m.Name, SHA256: m.SHA256, SizeBytes: m.SizeBytes,
		SourceURL: m.SourceURL, License: m.License,
	})
}

func (d *Daemon) storeProgress(e store.Event) {
	var p admin.Phase
	switch e.Phase {
	case store.PhaseDownload:
		p = admin.Download(e.DownloadedBytes, e.TotalBytes, e.SourceURL)
	case store.PhaseVerify:
		p = admin.Verify(e.Path)
	case store.PhaseQuarantine:
		p = admin.Quarantine(e.Path, e.ExpectedSHA256, e.ActualSHA256, e.QuarantinePath)
	default:
		p = admin.CheckingLocal(e.Path)
	}
	d.status.Publish(admin.Loading(p))
}
