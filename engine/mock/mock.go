package mock

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/atomic"

	"inferd/engine"
)

// Name is the adapter's name on the wire.
const Name = "mock"

// defaultToken is what a mock without options says.
const defaultToken = "mock-response"

// stepBelow is the delay under which streams step in turn instead of sleeping: a
// timer cannot be that exact, and it is what a load test wants; see stepper.
const stepBelow = time.Microsecond

// Options are the mock's knobs; the zero value says "mock-response".
type Options struct {
	// Texts are the tokens, in order. If nil, Tokens and TokenBytes make them.
	Texts []string
	// Tokens makes that many, t0 … t{N-1}; 0 makes the one default token.
	Tokens int
	// TokenBytes is the length of each made token, cut or filled up with dots; 0
	// leaves them as they are.
	TokenBytes int
	// TokenDelay is waited before each token; below 1 µs all requests step together
	// instead, a token each at a time.
	TokenDelay time.Duration
	// DropAfter ends the stream without a done before the token with this
	// index. It is used only if HasDropAfter; at or beyond the number of tokens
	// nothing is dropped.
	DropAfter    int
	HasDropAfter bool
	// Refuse, if not nil, answers every request before its first token. It is
	// looked at before readiness.
	Refuse *engine.Error
	// ReadyAfter delays readiness from New on.
	ReadyAfter time.Duration
}

// Refusal maps the names of --mock-error to refusals; "" is none.
func Refusal(name string) (*engine.Error, error) {
	switch name {
	case "":
		return nil, nil
	case "not_ready":
		return engine.ErrNotReady, nil
	case "invalid_request":
		return engine.Errorf(engine.Invalid, "mock"), nil
	case "unavailable":
		return engine.Errorf(engine.Unavailable, "mock"), nil
	}
	return nil, fmt.Errorf("mock error %q: use not_ready, invalid_request or unavailable", name)
}

// Engine is the mock. All methods may be called from any goroutine.
type Engine struct {
	// immutable
	opt     Options
	tokens  [][]byte
	readyAt time.Time
	stepper *stepper

	// atomic
	off  atomic.Bool // SetReady(false) or Stop
	warm atomic.Bool // readyAt has passed: no need to ask the clock again
}

// New makes a mock; it is ready ReadyAfter from now.
func New(opt Options) *Engine {
	e := &Engine{opt: opt, readyAt: time.Now().Add(opt.ReadyAfter), stepper: newStepper()}
	switch {
	case opt.Texts != nil:
		for _, s := range opt.Texts {
			e.tokens = append(e.tokens, []byte(s))
		}
	case opt.Tokens > 0:
		for i := range opt.Tokens {
			e.tokens = append(e.tokens, fit(fmt.Appendf(nil, "t%d", i), opt.TokenBytes))
		}
	default:
		e.tokens = [][]byte{fit([]byte(defaultToken), opt.TokenBytes)}
	}
	return e
}

func fit(b []byte, n int) []byte {
	if n == 0 {
		return b
	}
	for len(b) < n {
		b = append(b, '.')
	}
	return b[:n]
}

// Name is "mock".
func (e *Engine) Name() string { return Name }

// Ready says whether ReadyAfter has passed and nobody switched the mock off.
func (e *Engine) Ready() bool {
	if e.off.Load() {
		return false
	}
	if !e.warm.Load() && !time.Now().Before(e.readyAt) {
		e.warm.Store(true)
	}
	return e.warm.Load()
}

// SetReady switches readiness at run time.
func (e *Engine) SetReady(ready bool) { e.off.Store(!ready) }

// Stop makes Ready false.
func (e *Engine) Stop(context.Context) error {
	e.SetReady(false)
	return nil
}

// Capabilities are those of the upstream daemon's mock.
func (e *Engine) Capabilities() engine.Capabilities {
	return engine.Capabilities{
		V1: true, V2: true, Thinking: true, Embed: true, Accelerator: "cpu", Model: Name,
	}
}

// Generate emits the tokens. It ignores the request's content, and allocates
// nothing without a delay.
func (e *Engine) Generate(
	ctx context.Context, _ *engine.Request, out engine.Sink,
) (engine.Result, error) {
	if e.opt.Refuse != nil {
		return engine.Result{}, e.opt.Refuse
	}
	if !e.Ready() {
		return engine.Result{}, engine.ErrNotReady
	}
	tokens, dropped := e.tokens, e.opt.HasDropAfter && e.opt.DropAfter < len(e.tokens)
	if dropped {
		tokens = tokens[:max(e.opt.DropAfter, 0)]
	}
	var err error
	switch {
	case e.opt.TokenDelay == 0:
		err = e.burst(ctx, tokens, out)
	case e.opt.TokenDelay < stepBelow:
		err = e.stepper.run(ctx, tokens, out)
	default:
		err = e.paced(ctx, tokens, out)
	}
	if err != nil {
		return engine.Result{}, err
	}
	if dropped {
		return engine.Result{}, engine.ErrNoDone
	}
	return engine.Result{
		Stop:  engine.StopEnd,
		Usage: engine.Usage{CompletionTokens: uint32(len(e.tokens))},
	}, nil
}

// burst emits the tokens at once.
func (e *Engine) burst(ctx context.Context, tokens [][]byte, out engine.Sink) error {
	for _, tok := range tokens {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := out.Token(tok, true); err != nil {
			return err
		}
	}
	return nil
}

// paced emits the tokens with the delay before each.
func (e *Engine) paced(ctx context.Context, tokens [][]byte, out engine.Sink) error {
	timer := time.NewTimer(e.opt.TokenDelay)
	defer timer.Stop()
	for _, tok := range tokens {
		select {
		case <-timer.C:
			timer.Reset(e.opt.TokenDelay)
		case <-ctx.Done():
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := out.Token(tok, false); err != nil {
			return err
		}
	}
	return nil
}
