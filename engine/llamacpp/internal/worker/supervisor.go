package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"go.uber.org/atomic"

	"inferd/engine"
	"inferd/engine/llamacpp/internal/llama"
	"inferd/engine/llamacpp/internal/runner"
	"inferd/engine/llamacpp/internal/sched"
)

// Config is what a supervisor needs to know.
type Config struct {
	Runner runner.Config
	Model  *os.File // passed to the worker instead of Runner.ModelPath; may be nil
	Log    *slog.Logger
	Phase  func(engine.Phase)
	// State is told when a worker that was ready can no longer serve, and when
	// the next one can.
	State func(ready bool, reason string)
	// Deliver takes events, on the supervisor's goroutines; it must not block.
	Deliver func([]sched.Event)
	// Silence is how long a worker with work may say nothing; Hang is how long
	// it may go without ending a step, be it in one or, while nothing steps, in
	// tokenising and making samplers. Zero: DefaultSilence, DefaultHang.
	Silence, Hang time.Duration
	// Load is how long the model may take to load, at every start. Zero:
	// DefaultLoad.
	Load time.Duration
}

// errEnded is the last word on requests whose worker died.
var errEnded = errors.New("llama.cpp worker ended")

// Supervisor keeps one worker alive. Its methods may be called from any
// goroutine.
type Supervisor struct {
	cfg  Config
	stop chan struct{}
	done chan struct{} // closed when the last worker is gone

	restarts atomic.Uint64
	stopOnce sync.Once

	mu     sync.RWMutex
	proc   *process    // nil while there is none
	before sched.Stats // of earlier workers
}

// Start loads the model in a worker and returns when it is ready to serve, or
// with the reason why it is not; ctx bounds the wait.
func Start(ctx context.Context, cfg Config) (*Supervisor, runner.Info, error) {
	if cfg.Silence <= 0 {
		cfg.Silence = DefaultSilence
	}
	if cfg.Hang <= 0 {
		cfg.Hang = DefaultHang
	}
	if cfg.Load <= 0 {
		cfg.Load = DefaultLoad
	}
	s := &Supervisor{cfg: cfg, stop: make(chan struct{}), done: make(chan struct{})}
	first := make(chan outcome, 1)
	go s.run(ctx, first)
	o := <-first
	if o.err != nil {
		<-s.done
	}
	return s, o.info, o.err
}

// outcome is how the start of a worker ended.
type outcome struct {
	info runner.Info
	err  error
}

// run owns the workers, one after the other. Its thread must not end before
// they do.
func (s *Supervisor) run(ctx context.Context, first chan<- outcome) {
	runtime.LockOSThread()
	defer close(s.done)
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval, pause.MaxInterval = firstBackOff, maxBackOff
	pause.RandomizationFactor = 0 // nobody else restarts at the same moment
	for life := 0; ; life++ {
		began := time.Now()
		err := s.live(ctx, first)
		if life == 0 && errors.Is(err, errNeverReady) {
			return // Start has been told
		}
		ctx, first = context.Background(), nil // the caller's patience was for the first
		select {
		case <-s.stop:
			return
		default:
		}
		if time.Since(began) > stableAfter {
			pause.Reset()
		}
		wait := pause.NextBackOff()
		s.cfg.Log.Error("llama.cpp worker ended; it is started again", "reason", err, "pause", wait)
		s.cfg.State(false, err.Error())
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-s.stop:
			timer.Stop()
			return
		}
		s.restarts.Inc()
	}
}

var errSlowLoad = errors.New("it took too long")

// errNeverReady marks the end of a worker that never served.
var errNeverReady = errors.New("llama.cpp worker did not get ready")

// live runs one worker from its start to its end and says why it ended. first,
// if not nil, is told when it is ready or will not be.
func (s *Supervisor) live(ctx context.Context, first chan<- outcome) error {
	tell := func(o outcome) {
		if first != nil {
			first <- o
			first = nil
		}
	}
	p, err := spawn(s.cfg.Runner, s.cfg.Model, s.cfg.Log)
	if err != nil {
		tell(outcome{err: err})
		return fmt.Errorf("%w: %w", errNeverReady, err)
	}
	starts := make(chan outcome, 1)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		err := p.read(func(typ byte, b []byte) error { return s.onFrame(p, starts, typ, b) })
		if err != nil {
			p.kill(fmt.Sprintf("its socket: %v", err))
		}
	}()
	ctx, cancel := context.WithTimeoutCause(ctx, s.cfg.Load, errSlowLoad)
	defer cancel()
	o := s.awaitReady(ctx, p, starts, ended)
	if o.err == nil {
		s.set(p)
		if first == nil {
			s.cfg.State(true, "llama.cpp worker is back")
		}
		tell(o)
		go p.watch(s.cfg.Silence, s.cfg.Hang, ended)
		select {
		case <-ended:
		case <-s.stop:
			p.send(endFrame(beginFrame(nil, frameStop)))
			<-ended // Stop's deadline kills it
		}
		s.set(nil)
	}
	why := s.bury(p, ended)
	if o.err != nil {
		tell(o)
		return fmt.Errorf("%w: %w", errNeverReady, o.err)
	}
	return why
}

// awaitReady waits for the worker to load its model.
func (s *Supervisor) awaitReady(ctx context.Context, p *process, starts <-chan outcome,
	ended <-chan struct{},
) outcome {
	select {
	case o := <-starts:
		return o
	case <-ended:
		select {
		case o := <-starts: // said why, then ended
			return o
		default:
		}
		return outcome{err: errors.New("the llama.cpp worker died while it loaded the model " +
			"(is the file damaged, or memory short?)")}
	case <-ctx.Done():
		p.kill("loading took too long")
		return outcome{err: fmt.Errorf("loading the model: %w", context.Cause(ctx))}
	case <-s.stop:
		p.kill("stopped while loading")
		return outcome{err: errors.New("stopped while loading")}
	}
}

// bury waits for the worker's end, ends its requests and gives the reason.
func (s *Supervisor) bury(p *process, ended <-chan struct{}) error {
	if p.reason.Load() == "" {
		select {
		case <-ended:
		default:
			p.kill("it did not get ready")
		}
	}
	err := p.cmd.Wait()
	_ = p.conn.Close() // the other end is gone
	<-ended
	switch reason := p.reason.Load(); {
	case reason != "":
		err = fmt.Errorf("%w: killed because %s", errEnded, reason)
	case err != nil:
		err = fmt.Errorf("%w: %w", errEnded, err)
	default:
		err = errEnded
	}
	p.mu.Lock()
	var events []sched.Event
	for id := range p.inflight {
		events = append(events, sched.Event{ID: id, Done: true, Stop: engine.StopError, Err: err})
	}
	clear(p.inflight)
	p.mu.Unlock()
	s.cfg.Deliver(events)
	s.mu.Lock()
	p.addStats(&s.before)
	s.mu.Unlock()
	return err
}

func (s *Supervisor) set(p *process) {
	s.mu.Lock()
	s.proc = p
	s.mu.Unlock()
}

// onFrame takes a worker's frame, on its reader goroutine.
func (s *Supervisor) onFrame(p *process, starts chan<- outcome, typ byte, payload []byte) error {
	switch typ {
	case frameEvents:
		stats, events, err := decodeEvents(payload, p.events[:0])
		if err != nil {
			return err
		}
		p.events = events
		p.noteStats(stats)
		p.finished(events)
		s.cfg.Deliver(events)
	case framePong:
		d := &decoder{b: payload}
		p.noteStats(d.counters())
		return d.end()
	case frameLog:
		if len(payload) > 0 {
			s.cfg.Log.Log(context.Background(), slog.Level(int8(payload[0])), string(payload[1:]))
		}
	case framePhase:
		var phase engine.Phase
		if err := json.Unmarshal(payload, &phase); err != nil {
			return err
		}
		if s.cfg.Model == nil || phase.Path == "" { // a descriptor's path says nothing
			s.cfg.Phase(phase)
		}
	case frameReady:
		var info runner.Info
		if err := json.Unmarshal(payload, &info); err != nil {
			return err
		}
		starts <- outcome{info: info}
	case frameFailed:
		var f failure
		if err := json.Unmarshal(payload, &f); err != nil {
			return err
		}
		err := errors.New(f.Text)
		switch {
		case f.Library:
			err = fmt.Errorf("%w: %s", llama.ErrUnknownLibrary, f.Text)
		case f.Hash:
			err = fmt.Errorf("%s%w", strings.TrimSuffix(f.Text, runner.ErrHash.Error()), runner.ErrHash)
		}
		starts <- outcome{err: err}
	default:
		return fmt.Errorf("%w: type %d", errFrame, typ)
	}
	return nil
}

// Begin sends a request to the worker. Its last event comes with Done whatever
// happens, unless Begin returns an error.
func (s *Supervisor) Begin(req *runner.Request) error {
	s.mu.RLock()
	defer s.mu.RUnlock() // bury comes after set(nil), so it sees this request
	if s.proc == nil {
		return engine.ErrNotReady
	}
	s.proc.start(req)
	return nil
}

// Cancel ends a request within one step.
func (s *Supervisor) Cancel(id uint64) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.proc != nil {
		s.proc.send(appendCancel(id))
	}
}

// Stats are the counters of all workers so far, the restarts, and the requests
// in flight.
func (s *Supervisor) Stats() (stats sched.Stats, restarts uint64) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	stats = s.before
	if s.proc != nil {
		s.proc.addStats(&stats)
		stats.Sequences = int64(s.proc.busy())
	}
	return stats, s.restarts.Load()
}

// PID is the worker's process id, 0 while there is none.
func (s *Supervisor) PID() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.proc == nil {
		return 0
	}
	return s.proc.cmd.Process.Pid
}

// Stop ends the worker and its requests; when ctx ends first, by force.
func (s *Supervisor) Stop(ctx context.Context) error {
	s.stopOnce.Do(func() { close(s.stop) })
	select {
	case <-s.done:
		return nil
	case <-ctx.Done():
	}
	s.mu.RLock()
	if s.proc != nil {
		s.proc.kill("it did not stop in time")
	}
	s.mu.RUnlock()
	<-s.done
	return fmt.Errorf("llama.cpp worker had to be killed: %w", context.Cause(ctx))
}
