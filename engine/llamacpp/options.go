package llamacpp

import (
	"errors"
	"fmt"
	"time"
)

// Options configure an engine. The zero value of a field is its default.
type Options struct {
	ModelPath   string
	ModelBytes  []byte // a model held in memory, instead of ModelPath
	ModelName   string // what is served, for people; default: from the file
	ModelSHA256 string // hex; a file with another hash is refused
	Note        string // passed on in Capabilities

	NCtx       int // tokens a request can use, prompt and answer; default 8192
	NGPULayers int // -1 all, 0 none
	Parallel   int // sequences at once = active permits; default 1, at most 256
	Threads    int // default: all cores but one

	// LibDir is where the libraries lie; empty: beside the binary and in the
	// system's places.
	LibDir string
	// AllowLibrary names one unknown library version to use all the same.
	AllowLibrary string
	// ChatTemplate (Jinja) overrides the model's own.
	ChatTemplate  string
	NoPrefixReuse bool

	// Isolation is "process" (default) or "none": the native code in a worker
	// process, or in this one.
	Isolation string
	// TempDir holds ModelBytes where memory files are not to be had; default
	// os.TempDir.
	TempDir string
	// HangTimeout is how long the worker, while it has work, may go without
	// ending a step before it is taken for hung, be it in one or, while nothing
	// steps, in tokenising and making samplers; default 2 min. SilenceTimeout is
	// how long the worker may be mute while it has work; default 15 s.
	HangTimeout, SilenceTimeout time.Duration
	// LoadTimeout is how long a worker may take to load the model, at the start
	// and at each restart; default DefaultLoad.
	LoadTimeout time.Duration
}

// The values of Options.Isolation.
const (
	IsolationProcess = "process"
	IsolationNone    = "none"
)

func (o Options) withDefaults() (Options, error) {
	if o.NCtx == 0 {
		o.NCtx = DefaultCtx
	}
	if o.Parallel == 0 {
		o.Parallel = 1
	}
	if o.Isolation == "" {
		o.Isolation = IsolationProcess
	}
	switch {
	case (o.ModelPath == "") == (len(o.ModelBytes) == 0):
		return o, errors.New("llamacpp: set either a model path or a model in memory")
	case o.NCtx < 1:
		return o, fmt.Errorf("llamacpp: n_ctx %d; it must be positive", o.NCtx)
	case o.Parallel < 1 || o.Parallel > MaxParallel:
		return o, fmt.Errorf("llamacpp: %d active permits; llama.cpp takes 1 to %d",
			o.Parallel, MaxParallel)
	case o.Isolation != IsolationProcess && o.Isolation != IsolationNone:
		return o, fmt.Errorf("llamacpp: isolation %q; it is %q or %q",
			o.Isolation, IsolationProcess, IsolationNone)
	case o.NGPULayers < -1:
		return o, fmt.Errorf("llamacpp: n_gpu_layers %d; -1 means all", o.NGPULayers)
	}
	return o, nil
}
