package runner

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"

	"inferd/engine"
	"inferd/engine/llamacpp/internal/chat"
	"inferd/engine/llamacpp/internal/gguf"
	"inferd/engine/llamacpp/internal/grammar"
	"inferd/engine/llamacpp/internal/llama"
	"inferd/engine/llamacpp/internal/sched"
)

// Request is one generation.
type Request struct {
	ID        uint64
	Messages  []engine.Message
	Sampling  llama.Sampling
	MaxTokens int // 0: none
}

// Info describes what was loaded.
type Info struct {
	Library     llama.LibraryInfo
	Name        string // the file's own name for the model; may be empty
	Model       string // architecture, size and quantisation in words
	CtxPerSeq   int
	Sequences   int
	GPULayers   int
	GPU         string // device name, empty on the CPU
	Threads     int
	OwnTemplate bool // false: ChatML for want of the model's own
}

// Runner is a loaded model. Start and Cancel may be called from any goroutine.
type Runner struct {
	cfg      Config
	info     Info
	model    *llama.Model
	ctx      *llama.Context
	template *chat.Template
	tokens   *tokeniser
	sched    *sched.Scheduler
	emit     func([]sched.Event)
	log      *slog.Logger
}

// Load does everything up to the first step. emit takes the events, on the Run
// goroutine, except those of requests that need no step, which come from Start.
func Load(
	cfg Config, phase func(engine.Phase), log *slog.Logger, emit func([]sched.Event),
) (*Runner, error) {
	if cfg.Sequences < 1 || cfg.CtxPerSeq < 1 || cfg.CtxPerSeq > maxCtxPerSeq {
		return nil, fmt.Errorf("n_ctx %d with %d sequences: both must be positive, n_ctx at most %d",
			cfg.CtxPerSeq, cfg.Sequences, maxCtxPerSeq)
	}
	lib, err := llama.Open(cfg.LibDir, cfg.AllowVersion)
	if err != nil {
		return nil, err
	}
	llama.SetLog(func(level llama.LogLevel, line string) { logNative(log, level, line) })
	r := &Runner{cfg: cfg, emit: emit, log: log}
	r.info = Info{Library: lib.Info(), Sequences: cfg.Sequences}

	phase(engine.Phase{Name: "checking_local", Path: cfg.ModelPath})
	file, err := CheckModel(cfg.ModelPath, cfg.ModelSHA256)
	if err != nil {
		return nil, err
	}
	phase(engine.Phase{Name: "mmap", Path: cfg.ModelPath})
	if r.model, err = lib.LoadModel(cfg.ModelPath, cfg.GPULayers); err != nil {
		return nil, err
	}
	if err := r.prepare(file, log); err != nil {
		r.model.Free()
		return nil, err
	}
	phase(engine.Phase{Name: "kv_cache", NCtx: uint32(r.cfg.CtxPerSeq)})
	r.ctx, err = r.model.NewContext(llama.ContextConfig{
		CtxPerSeq: r.cfg.CtxPerSeq, Sequences: cfg.Sequences,
		Batch: cfg.batch(), Threads: cfg.threads(),
	})
	if err != nil {
		r.model.Free()
		return nil, err
	}
	// The library rounds a sequence's context up, but not what a step may hold, which is
	// at most the context of all: beyond that it aborts.
	r.info.CtxPerSeq, r.info.Threads = min(r.cfg.CtxPerSeq, r.ctx.CtxPerSeq()), cfg.threads()
	r.sched = sched.New(native{r.ctx, log}, r.model, sched.Config{
		Sequences: cfg.Sequences, CtxPerSeq: r.info.CtxPerSeq, Batch: cfg.batch(),
		NoPrefixReuse: cfg.NoReuse, Emit: emit,
	})
	return r, nil
}

// prepare settles what depends on the model alone.
func (r *Runner) prepare(file gguf.Info, log *slog.Logger) error {
	if trained := r.model.TrainedContext(); trained > 0 && r.cfg.CtxPerSeq > trained {
		log.Info("context cut to what the model was trained for", "n_ctx", trained)
		r.cfg.CtxPerSeq = trained
	}
	if total := r.cfg.CtxPerSeq * r.cfg.Sequences; total > maxTotalCtx {
		return fmt.Errorf("n_ctx %d for each of %d sequences is too much; "+
			"lower --n-ctx or --active-permits", r.cfg.CtxPerSeq, r.cfg.Sequences)
	}
	if err := r.checkMemory(file); err != nil {
		return err
	}
	source := r.cfg.ChatTemplate
	if source == "" {
		source = r.model.ChatTemplate()
	}
	r.info.OwnTemplate = source != ""
	if source == "" {
		log.Warn("the model brings no chat template; ChatML is used")
	}
	specials := chat.Specials{
		BOS: r.model.TokenText(r.model.BOS()), EOS: r.model.TokenText(r.model.EOS()),
	}
	var err error
	if r.template, err = chat.Compile(source, specials); err != nil {
		return err
	}
	r.tokens = newTokeniser(r.model)
	r.info.Name, r.info.Model = file.Name, r.model.Description()
	for _, d := range r.info.Library.Devices {
		if d.GPU && r.cfg.GPULayers != 0 {
			r.info.GPU, r.info.GPULayers = d.Description, file.Layers
			if r.cfg.GPULayers > 0 { // not all
				r.info.GPULayers = min(r.cfg.GPULayers, file.Layers)
			}
			break
		}
	}
	return nil
}

// Info describes what was loaded.
func (r *Runner) Info() Info { return r.info }

// Stats reads the counters.
func (r *Runner) Stats() sched.Stats { return r.sched.Stats() }

// Run computes until Stop; an error means that the native state is broken.
func (r *Runner) Run() error { return r.sched.Run() }

// Stop makes Run end. It does not wait.
func (r *Runner) Stop() { r.sched.Stop() }

// Close frees the model, after Run has returned and with no Start in progress.
func (r *Runner) Close() {
	r.ctx.Free()
	r.model.Free()
}

// Cancel ends a request within one step.
func (r *Runner) Cancel(id uint64) { r.sched.Cancel(id) }

// Start begins a request. Its errors are *engine.Error: nothing was begun, no
// event comes.
func (r *Runner) Start(req *Request) (err error) {
	defer contain(r.log, &err)
	if err := r.checkSize(req); err != nil {
		return err
	}
	segments, err := r.template.Render(req.Messages)
	if err != nil {
		return engine.Errorf(engine.Invalid, "%s", err.Error())
	}
	least := 0
	for _, seg := range segments {
		if seg.User {
			least += r.model.LeastTokens(seg.Text)
		}
	}
	if least > r.info.CtxPerSeq {
		return engine.Errorf(engine.Invalid, "prompt of %d tokens or more exceeds the context of %d",
			least, r.info.CtxPerSeq)
	}
	prompt, err := r.tokens.tokens(segments)
	if err != nil {
		return engine.Errorf(engine.Invalid, "the prompt can not be tokenised")
	}
	if len(prompt) > r.info.CtxPerSeq {
		return engine.Errorf(engine.Invalid, "prompt of %d tokens exceeds the context of %d",
			len(prompt), r.info.CtxPerSeq)
	}
	if req.MaxTokens == 0 {
		r.emit([]sched.Event{{
			ID: req.ID, Done: true, Stop: engine.StopLength,
			Usage: engine.Usage{PromptTokens: uint32(len(prompt))},
		}})
		return nil
	}
	sampler, err := r.model.NewSampler(req.Sampling)
	if err != nil {
		return engine.Errorf(engine.Invalid, "%s", err.Error())
	}
	job := &sched.Job{ID: req.ID, Prompt: prompt, Sampler: sampler, MaxTokens: req.MaxTokens}
	switch err := r.sched.Submit(job); {
	case err == nil:
		return nil
	case errors.Is(err, sched.ErrClosed):
		return engine.ErrNotReady
	default:
		return engine.Errorf(engine.Unavailable, "%s", err.Error())
	}
}

// checkSize refuses what can not fit before any work is done on it. A message
// costs a token at the least, and room however empty it is.
func (r *Runner) checkSize(req *Request) error {
	if n := len(req.Messages); n > r.info.CtxPerSeq {
		return engine.Errorf(engine.Invalid,
			"%d messages exceed what a context of %d tokens can hold", n, r.info.CtxPerSeq)
	}
	size := 0
	for _, m := range req.Messages {
		size += len(m.Role) + len(m.Content)
	}
	if limit := max(minPromptBytes, r.info.CtxPerSeq*maxPromptBytesPerToken); size > limit {
		return engine.Errorf(engine.Invalid,
			"prompt of %d bytes exceeds what a context of %d tokens can hold", size, r.info.CtxPerSeq)
	}
	return nil
}

// contain makes an error of a panic: what strangers send runs through templates and
// grammars, and costs their own request at the most.
func contain(log *slog.Logger, err *error) {
	if p := recover(); p != nil {
		log.Error("panic contained", "panic", p, "stack", string(debug.Stack()))
		*err = engine.Errorf(engine.Internal, "internal error")
	}
}

// native fits llama.Context to the scheduler's interface.
type native struct {
	*llama.Context
	log *slog.Logger
}

func (n native) Sample(s sched.Sampler, i int) (token int32, err error) {
	defer contain(n.log, &err)
	token, err = n.Context.Sample(s.(*llama.Sampler), i)
	switch {
	case err == nil:
		return token, nil
	case errors.Is(err, grammar.ErrAmbiguous), errors.Is(err, llama.ErrGrammarEnd):
		return 0, engine.Errorf(engine.Invalid, "%s", err.Error())
	}
	return 0, fmt.Errorf("%w: %w", sched.ErrDecode, err)
}

func (n native) Decode(count int) error {
	err := n.Context.Decode(count)
	if errors.Is(err, llama.ErrAborted) {
		return sched.ErrAborted
	}
	return err
}

func logNative(log *slog.Logger, level llama.LogLevel, line string) {
	switch level {
	case llama.LogError:
		log.Error("llama.cpp", "line", line)
	case llama.LogWarn:
		log.Warn("llama.cpp", "line", line)
	default:
		log.Debug("llama.cpp", "line", line)
	}
}
