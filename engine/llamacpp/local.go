package llamacpp

import (
	"context"
	"fmt"
	"sync"

	"inferd/engine"
	"inferd/engine/llamacpp/internal/runner"
)

// local runs the runner in this process: for debugging, and for those who trust
// their model files.
type local struct {
	run  *runner.Runner
	done chan struct{} // closed when Run has returned

	mu     sync.RWMutex // held for reading while a Start uses the model
	closed bool
}

func startLocal(e *Engine) (host, runner.Info, error) {
	r, err := runner.Load(e.config(e.model.path), e.hooks.DoPhase, e.log, e.deliver)
	if err != nil {
		return nil, runner.Info{}, err
	}
	l := &local{run: r, done: make(chan struct{})}
	go func() {
		defer close(l.done)
		if err := r.Run(); err != nil {
			e.ready.Store(false)
			e.log.Error("llama.cpp is broken; restart the daemon", "error", err)
			e.hooks.DoState(false, "llama.cpp is broken: "+err.Error())
		}
	}()
	return l, r.Info(), nil
}

func (l *local) Start(req *runner.Request) error {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.closed {
		return engine.ErrNotReady
	}
	return l.run.Start(req)
}

func (l *local) Cancel(id uint64) { l.run.Cancel(id) }

func (l *local) Stats() Stats {
	s := l.run.Stats()
	return Stats{
		Steps: s.Steps, Tokens: s.Tokens, PromptTokens: s.PromptTokens,
		CachedPromptTokens: s.CachedPromptTokens, Sequences: s.Sequences,
	}
}

// Stop ends every request and gives the model back. When ctx ends first, that
// happens once the last native call has returned, if ever.
func (l *local) Stop(ctx context.Context) error {
	l.run.Stop()
	freed := make(chan struct{})
	go func() {
		defer close(freed)
		<-l.done
		l.mu.Lock()
		defer l.mu.Unlock()
		l.closed = true
		l.run.Close()
	}()
	select {
	case <-freed:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("llama.cpp did not stop in time: %w", context.Cause(ctx))
	}
}
