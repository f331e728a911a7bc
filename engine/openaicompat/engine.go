package openaicompat

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"

	"go.uber.org/atomic"

	"inferd/engine"
)

// Name is the adapter's name on the wire.
const Name = "openai-compat"

// Engine asks one upstream. Make one with New.
type Engine struct {
	// immutable
	options Options
	hooks   engine.Hooks
	log     *slog.Logger
	client  *http.Client
	life    context.Context // ends with Stop
	end     context.CancelFunc

	up      atomic.Bool // what the probe thinks; true without one
	stopped atomic.Bool

	work sync.WaitGroup // exchanges and the probe
	mu   sync.Mutex     // makes "not stopped" and work.Add one step
}

var _ engine.Engine = (*Engine)(nil)

// New checks o and returns an engine that is ready at once: it does not connect
// before the first request, or before the probe's first round.
func New(o Options, hooks engine.Hooks) (*Engine, error) {
	configured := strings.TrimSpace(o.BaseURL)
	o, err := o.prepare()
	if err != nil {
		return nil, err
	}
	// There is no file to check; a URL with credentials in it was refused.
	hooks.DoPhase(engine.Phase{
		Name: "checking_local",
		Path: "(" + Name + ": " + configured + " / " + o.Model + ")",
	})
	e := &Engine{options: o, hooks: hooks, client: newClient(o)}
	e.log = hooks.Logger().With("backend", o.Name)
	e.life, e.end = context.WithCancel(context.Background())
	e.up.Store(true)
	if o.ProbeInterval > 0 {
		e.work.Go(e.probeLoop)
	}
	return e, nil
}

// Name is "openai-compat".
func (e *Engine) Name() string { return Name }

// Ready is true until Stop, except while the health probe finds nobody.
func (e *Engine) Ready() bool { return e.up.Load() && !e.stopped.Load() }

// Capabilities say chat only or, with Options.Embed, embeddings only: one model
// seldom does both.
func (e *Engine) Capabilities() engine.Capabilities {
	return engine.Capabilities{
		V1:          !e.options.Embed,
		Embed:       e.options.Embed,
		Accelerator: "cpu", // of this process; the upstream's is not known
		Model:       e.options.Model,
		Note:        "answered by an upstream server over HTTP",
	}
}

// Generate runs one chat completion. See engine.Engine for the contract.
func (e *Engine) Generate(
	ctx context.Context, req *engine.Request, out engine.Sink,
) (engine.Result, error) {
	body, err := e.chatBody(req)
	if err != nil {
		return engine.Result{}, err
	}
	x, err := e.begin(ctx)
	if err != nil {
		return engine.Result{}, err
	}
	defer x.end()
	if req.MaxTokens == 0 { // upstreams take it for "no limit" or for an error
		return engine.Result{Stop: engine.StopLength, Untried: true}, nil
	}
	answer, err := x.post("/v1/chat/completions", body)
	if err != nil {
		return engine.Result{}, err
	}
	defer answer.Close()
	g := generation{exchange: x, out: out}
	return g.read(answer)
}

// Stop aborts what is running and waits for it until ctx ends.
func (e *Engine) Stop(ctx context.Context) error {
	e.mu.Lock()
	e.stopped.Store(true)
	e.mu.Unlock()
	e.end()
	idle := make(chan struct{})
	go func() {
		e.work.Wait()
		e.client.CloseIdleConnections()
		close(idle)
	}()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
