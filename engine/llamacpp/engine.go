package llamacpp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"path/filepath"
	"strings"
	"sync"

	"go.uber.org/atomic"

	"inferd/engine"
	"inferd/engine/llamacpp/internal/llama"
	"inferd/engine/llamacpp/internal/runner"
	"inferd/engine/llamacpp/internal/sched"
)

// Name is the adapter's name.
const Name = "llamacpp"

// Stats are the engine's counters since its start, as the admin socket's stats
// shows them.
type Stats struct {
	Steps              uint64 `json:"steps"`
	Tokens             uint64 `json:"tokens"`
	PromptTokens       uint64 `json:"prompt_tokens"`
	CachedPromptTokens uint64 `json:"cached_prompt_tokens"`
	Restarts           uint64 `json:"restarts"`  // of the worker process
	Sequences          int64  `json:"sequences"` // running now
}

// host is where the runner lives: this process or a worker. Its events come
// through Engine.deliver, every started request's last one with Done.
type host interface {
	Start(req *runner.Request) error
	Cancel(id uint64)
	Stats() Stats
	Stop(ctx context.Context) error
}

// Engine is the llama.cpp engine. See engine.Engine for its methods' contract.
type Engine struct {
	// immutable after New
	opts  Options
	hooks engine.Hooks
	log   *slog.Logger
	model *modelFile
	host  host
	caps  engine.Capabilities

	ctxPerSeq int // tokens, as the model and the library have cut it

	ready   atomic.Bool
	stopped atomic.Bool
	lastID  atomic.Uint64

	mu      sync.RWMutex
	streams map[uint64]*stream
}

var _ engine.Engine = (*Engine)(nil)

// New loads the model and returns a ready engine, or says why it can't.
func New(ctx context.Context, opts Options, hooks engine.Hooks) (*Engine, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	opts.LibDir, err = llama.Find(opts.LibDir)
	if err != nil {
		return nil, libraryError(err)
	}
	e := &Engine{
		opts: opts, hooks: hooks, log: hooks.Logger().With("engine", Name),
		streams: make(map[uint64]*stream),
	}
	if e.model, err = openModel(opts); err != nil {
		return nil, err
	}
	var info runner.Info
	e.ready.Store(true) // nobody has it yet; the host may fall from now on, and says so
	if e.host, info, err = e.startHost(ctx); err != nil {
		e.model.close()
		return nil, libraryError(err)
	}
	e.describe(info)
	e.ctxPerSeq = info.CtxPerSeq
	return e, nil
}

func (e *Engine) startHost(ctx context.Context) (host, runner.Info, error) {
	if e.opts.Isolation == IsolationNone {
		return startLocal(e)
	}
	return startRemote(ctx, e)
}

// config is what the runner is told.
func (e *Engine) config(modelPath string) runner.Config {
	return runner.Config{
		LibDir: e.opts.LibDir, AllowVersion: e.opts.AllowLibrary, ModelPath: modelPath,
		ModelSHA256: e.opts.ModelSHA256, ChatTemplate: e.opts.ChatTemplate,
		CtxPerSeq: e.opts.NCtx, Sequences: e.opts.Parallel, GPULayers: e.opts.NGPULayers,
		Threads: e.opts.Threads, NoReuse: e.opts.NoPrefixReuse,
	}
}

func (e *Engine) describe(info runner.Info) {
	e.caps = engine.Capabilities{
		V1: true, Accelerator: accelerator(info), GPULayers: uint32(max(0, info.GPULayers)),
		DeviceName: info.GPU, Model: e.opts.ModelName, Note: e.opts.Note,
	}
	switch {
	case e.caps.Model != "":
	case e.opts.ModelPath != "":
		e.caps.Model = strings.TrimSuffix(filepath.Base(e.opts.ModelPath), ".gguf")
	default:
		e.caps.Model = info.Name
	}
	e.log.Info("model loaded", "model", e.caps.Model, "kind", info.Model, "n_ctx", info.CtxPerSeq,
		"sequences", info.Sequences, "threads", info.Threads, "isolation", e.opts.Isolation,
		"library", info.Library.Dir, "version", info.Library.Version, "pinned", info.Library.Pinned)
}

func accelerator(info runner.Info) string {
	if info.GPU == "" {
		return "cpu"
	}
	for _, d := range info.Library.Devices {
		for prefix, name := range map[string]string{
			"CUDA": "cuda", "Metal": "metal", "MTL": "metal", "Vulkan": "vulkan", "ROCm": "rocm",
		} {
			if d.GPU && strings.HasPrefix(d.Name, prefix) {
				return name
			}
		}
	}
	return "cpu"
}

// Name is "llamacpp".
func (e *Engine) Name() string { return Name }

// Ready is false while the worker is being restarted and after Stop.
func (e *Engine) Ready() bool { return e.ready.Load() && !e.stopped.Load() }

// Capabilities are those of the loaded model.
func (e *Engine) Capabilities() engine.Capabilities { return e.caps }

// Stats reads the counters.
func (e *Engine) Stats() Stats { return e.host.Stats() }

// Stop ends the runner; requests in flight end with an error.
func (e *Engine) Stop(ctx context.Context) error {
	if e.stopped.Swap(true) {
		return nil
	}
	e.ready.Store(false)
	err := e.host.Stop(ctx)
	e.model.close()
	return err
}

// deliver hands a step's events to their streams. It never blocks for long: what a
// sink does not take a mailbox does.
func (e *Engine) deliver(events []sched.Event) {
	for i := range events {
		e.mu.RLock()
		st := e.streams[events[i].ID]
		e.mu.RUnlock()
		if st != nil {
			st.put(events[i])
		}
	}
}

// Generate runs one request; see engine.Engine.
func (e *Engine) Generate(
	ctx context.Context, req *engine.Request, out engine.Sink,
) (engine.Result, error) {
	if !e.Ready() {
		return engine.Result{}, engine.ErrNotReady
	}
	if err := checkRequest(req); err != nil {
		return engine.Result{}, err
	}
	id := e.lastID.Inc()
	st := newStream(out)
	e.mu.Lock()
	e.streams[id] = st
	e.mu.Unlock()
	defer func() {
		e.mu.Lock()
		delete(e.streams, id)
		e.mu.Unlock()
	}()
	err := e.host.Start(&runner.Request{
		ID: id, Messages: req.Messages, MaxTokens: int(min(req.MaxTokens, math.MaxInt32)),
		Sampling: llama.Sampling{
			Temperature: req.Temperature, TopP: req.TopP, TopK: req.TopK,
			Seed: DefaultSeed, Grammar: req.Grammar,
		},
	})
	if err != nil {
		return engine.Result{}, err
	}
	return e.follow(ctx, id, st)
}

// follow waits for a stream's last event, and passes on what went into its mailbox. A
// cancelled or unwanted stream is followed, too: only its last event says that the
// runner is done with it.
func (e *Engine) follow(ctx context.Context, id uint64, st *stream) (engine.Result, error) {
	var b batch
	gone, abandoned := ctx.Done(), false
	for {
		select {
		case <-st.wake:
		case <-gone:
			gone = nil
			st.fail(context.Cause(ctx))
		}
		done, quit := st.empty(&b)
		if quit != nil && !abandoned {
			gone, abandoned = nil, true
			e.host.Cancel(id)
		}
		if done {
			return e.result(ctx, st, quit)
		}
	}
}

// result turns a stream's last event, or why it was given up, into what Generate
// returns.
func (e *Engine) result(ctx context.Context, st *stream, quit error) (engine.Result, error) {
	last, started := st.last, st.started
	var refusal *engine.Error
	switch {
	case quit != nil && ctx.Err() != nil:
		return engine.Result{}, ctx.Err()
	case quit != nil:
		return engine.Result{}, quit
	case errors.As(last.Err, &refusal) && !started:
		return engine.Result{}, refusal
	case last.Err != nil && started:
		return engine.Result{}, fmt.Errorf("%w: %w", engine.ErrNoDone, last.Err)
	case last.Err != nil:
		return engine.Result{}, engine.Errorf(engine.Unavailable, "%s", last.Err.Error())
	case last.Stop == engine.StopCancelled:
		return engine.Result{}, engine.ErrNoDone
	}
	if last.Full {
		e.log.Info("answer ended: the context is full", "n_ctx", e.ctxPerSeq,
			"prompt_tokens", last.Usage.PromptTokens, "completion_tokens", last.Usage.CompletionTokens)
	}
	return engine.Result{Stop: last.Stop, Usage: last.Usage}, nil
}
