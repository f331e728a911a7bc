package llamacpp

import (
	"context"
	"os"

	"inferd/engine/llamacpp/internal/runner"
	"inferd/engine/llamacpp/internal/worker"
)

// MaybeWorker turns this process into a worker if it was started as one, and
// then does not return. main and TestMain of every binary that makes an engine
// call it before anything else.
func MaybeWorker() {
	if len(os.Args) == 2 && os.Args[1] == worker.Marker {
		worker.Main()
	}
}

// remote runs the runner in a worker process.
type remote struct{ sup *worker.Supervisor }

func startRemote(ctx context.Context, e *Engine) (host, runner.Info, error) {
	sup, info, err := worker.Start(ctx, worker.Config{
		Runner: e.config(e.model.path), Model: e.model.file, Log: e.log,
		Phase: e.hooks.DoPhase, State: e.workerState, Deliver: e.deliver,
		Silence: e.opts.SilenceTimeout, Hang: e.opts.HangTimeout, Load: e.opts.LoadTimeout,
	})
	if err != nil {
		return nil, info, err
	}
	return &remote{sup}, info, nil
}

// workerState follows the worker's deaths and returns.
func (e *Engine) workerState(ready bool, reason string) {
	if ready && e.stopped.Load() {
		return
	}
	e.ready.Store(ready)
	e.hooks.DoState(ready, reason)
}

func (r *remote) Start(req *runner.Request) error { return r.sup.Begin(req) }
func (r *remote) Cancel(id uint64)                { r.sup.Cancel(id) }
func (r *remote) Stop(ctx context.Context) error  { return r.sup.Stop(ctx) }

func (r *remote) Stats() Stats {
	s, restarts := r.sup.Stats()
	return Stats{
		Steps: s.Steps, Tokens: s.Tokens, PromptTokens: s.PromptTokens,
		CachedPromptTokens: s.CachedPromptTokens, Sequences: s.Sequences, Restarts: restarts,
	}
}
