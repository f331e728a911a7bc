package worker

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"go.uber.org/atomic"

	"inferd/engine/llamacpp/internal/runner"
	"inferd/engine/llamacpp/internal/sched"
)

// process is one life of the worker.
type process struct {
	cmd  *exec.Cmd
	conn net.Conn
	log  *slog.Logger

	// writing is held over a write, which can block while the worker does not
	// read; mu never is, so that events are always read.
	writing  sync.Mutex
	mu       sync.Mutex
	inflight map[uint64]struct{}
	work     chan struct{} // buffered 1: inflight became non-empty

	events []sched.Event // the reader's, reused

	stats struct{ steps, tokens, prompt, cached atomic.Uint64 }
	// clock is the time of watch, made of its ticks: what passes while the daemon
	// itself is stopped (SIGSTOP, a freezer, a stalled machine) is not the worker's
	// silence. heard and progress are its readings, at most one tick old.
	clock    atomic.Duration
	heard    atomic.Duration // at the last frame
	progress atomic.Duration // at the last step, or when work came after none
	reason   atomic.String   // why it was killed
}

// spawn starts the binary as a worker and sends it its configuration. The
// calling thread must live as long as the worker.
func spawn(cfg runner.Config, model *os.File, log *slog.Logger) (*process, error) {
	ours, theirs, err := socketPair()
	if err != nil {
		return nil, fmt.Errorf("worker socket: %w", err)
	}
	defer func() { _ = theirs.Close() }() // the worker has its own copy
	conn, err := net.FileConn(ours)
	_ = ours.Close() // conn has its own copy
	if err != nil {
		return nil, fmt.Errorf("worker socket: %w", err)
	}
	cmd := exec.Command(executable(), Marker)
	cmd.Args[0] = "inferd-llamacpp-worker" // what ps shows
	cmd.ExtraFiles = []*os.File{theirs}
	if model != nil {
		cmd.ExtraFiles = append(cmd.ExtraFiles, model)
		cfg.ModelPath = fmt.Sprintf("/proc/self/fd/%d", socketFD+1)
	}
	cmd.Env = environment()
	cmd.SysProcAttr = processAttributes()
	cmd.WaitDelay = time.Second
	output := &outputLog{log: log}
	cmd.Stdout, cmd.Stderr = output, output
	hideInherited()
	if err := withLazyTimers(cmd.Start); err != nil {
		_ = conn.Close() // nobody at the other end
		return nil, fmt.Errorf("start the worker process: %w", err)
	}
	p := &process{
		cmd: cmd, conn: conn, log: log,
		inflight: make(map[uint64]struct{}), work: make(chan struct{}, 1),
	}
	b, err := json.Marshal(cfg)
	if err != nil {
		panic(err) // our own type
	}
	if err := p.write(endFrame(append(beginFrame(nil, frameConfig), b...))); err != nil {
		p.kill("it does not read")
	}
	return p, nil
}

// executable is this very binary, even if its file has been replaced since.
func executable() string {
	if _, err := os.Stat("/proc/self/exe"); err == nil {
		return "/proc/self/exe"
	}
	if exe, err := os.Executable(); err == nil {
		return exe
	}
	return os.Args[0]
}

// passedOn are the environment variables a worker gets, by prefix: what the
// dynamic loader, libggml and GPU drivers read. Keys and tokens of the daemon's
// own are not among them.
var passedOn = []string{
	"PATH=", "HOME=", "TMPDIR=", "LANG=", "LC_", "LD_LIBRARY_PATH=", "DYLD_", "XDG_",
	"GGML_", "LLAMA_", "OMP_", "CUDA_", "NVIDIA_", "HIP_", "ROCR_", "HSA_", "VK_", "ONEAPI_", "ZE_",
	"GOMAXPROCS=", "GOCOVERDIR=", "GORACE=",
}

func environment() []string {
	env := []string{
		// A Go traceback of every goroutine says nothing about a native crash.
		"GOTRACEBACK=none",
		// By default glibc gives memory back to the kernel after every step and
		// faults it in again for the next: a quarter of the time on small models.
		"MALLOC_TRIM_THRESHOLD_=268435456", "MALLOC_MMAP_THRESHOLD_=67108864",
	}
	for _, kv := range os.Environ() {
		for _, prefix := range passedOn {
			if strings.HasPrefix(kv, prefix) {
				env = append(env, kv)
				break
			}
		}
	}
	return env
}

func (p *process) write(frame []byte) error {
	p.writing.Lock()
	defer p.writing.Unlock()
	if err := p.conn.SetWriteDeadline(time.Now().Add(writeDeadline)); err != nil {
		return err
	}
	_, err := p.conn.Write(frame)
	return err
}

// send writes a frame; a worker that does not take it is killed.
func (p *process) send(frame []byte) {
	switch err := p.write(frame); {
	case err == nil:
	case gone(err):
		_ = p.cmd.Process.Kill()
	default:
		p.kill("it does not read")
	}
}

// gone says that the other end has ended, which is for its exit status to explain. It
// is a reset where the worker had not read all.
func gone(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET)
}

// start registers and sends a request.
func (p *process) start(req *runner.Request) {
	p.mu.Lock()
	p.inflight[req.ID] = struct{}{}
	if len(p.inflight) == 1 {
		p.progress.Store(p.clock.Load())
		p.heard.Store(p.clock.Load())
		select {
		case p.work <- struct{}{}:
		default:
		}
	}
	p.mu.Unlock()
	p.send(appendStart(nil, req))
}

// finished takes the ended requests of a step off the books.
func (p *process) finished(events []sched.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range events {
		if events[i].Done {
			delete(p.inflight, events[i].ID)
		}
	}
}

func (p *process) busy() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.inflight)
}

// kill ends the worker; its reader and its waiter notice.
func (p *process) kill(reason string) {
	p.reason.CompareAndSwap("", reason)
	_ = p.cmd.Process.Kill() // already gone is as good
}

// read passes the worker's frames to on until the socket ends.
func (p *process) read(on func(typ byte, payload []byte) error) error {
	in := bufio.NewReaderSize(p.conn, frameBuffer)
	var buf []byte
	for {
		typ, payload, grown, err := readFrame(in, buf, maxEventFrame)
		if err == nil {
			p.heard.Store(p.clock.Load())
			err = on(typ, payload)
		}
		if err != nil && gone(err) {
			return nil
		}
		if err != nil {
			return err
		}
		buf = grown
	}
}

// watch kills a worker that has work and is silent, or ends no step.
// It pings, so that silence means something, only while there is work.
func (p *process) watch(silence, hang time.Duration, ended <-chan struct{}) {
	interval := min(silence/4, time.Second)
	tick := time.NewTicker(interval)
	defer tick.Stop()
	ping := endFrame(beginFrame(nil, framePing))
	for {
		if p.busy() == 0 {
			tick.Stop()
			select {
			case <-p.work:
			case <-ended:
				return
			}
			tick.Reset(interval)
		}
		select {
		case <-tick.C:
		case <-ended:
			return
		}
		now := p.clock.Add(interval) // a ticker drops the ticks that nobody takes
		switch {
		case p.busy() == 0:
		case now-p.heard.Load() > silence:
			p.kill(fmt.Sprintf("it was silent for %v", silence))
		case now-p.progress.Load() > hang:
			p.kill(fmt.Sprintf("a step took more than %v", hang))
		default:
			p.send(ping)
		}
	}
}

// noteStats keeps the counters and takes a step for progress. Reader only.
func (p *process) noteStats(s sched.Stats) {
	if p.stats.steps.Swap(s.Steps) != s.Steps {
		p.progress.Store(p.clock.Load())
	}
	p.stats.tokens.Store(s.Tokens)
	p.stats.prompt.Store(s.PromptTokens)
	p.stats.cached.Store(s.CachedPromptTokens)
}

// addStats adds the worker's counters to sum.
func (p *process) addStats(sum *sched.Stats) {
	sum.Steps += p.stats.steps.Load()
	sum.Tokens += p.stats.tokens.Load()
	sum.PromptTokens += p.stats.prompt.Load()
	sum.CachedPromptTokens += p.stats.cached.Load()
}

// outputLog takes what the worker's native code and runtime print. Such text may
// quote a request, so only lines of known shapes reach the log.
type outputLog struct {
	log   *slog.Logger
	line  []byte
	lines int
}

// safeShapes begin or mark the lines that say why a process died.
var safeShapes = []string{
	"GGML_ASSERT", "ggml_abort", "terminate called", "panic:", "fatal error:", "signal arrived",
	"SIGABRT", "SIGSEGV", "SIGBUS", "SIGILL", "out of memory", "bad_alloc", "error while loading",
	"WARNING: DATA RACE",
}

func (o *outputLog) Write(b []byte) (int, error) {
	for rest := b; len(rest) > 0; {
		head, tail, ended := bytes.Cut(rest, []byte("\n"))
		if room := maxOutputLineBytes - len(o.line); room > 0 {
			o.line = append(o.line, head[:min(room, len(head))]...)
		}
		if rest = tail; ended {
			o.flush()
		}
	}
	return len(b), nil
}

func (o *outputLog) flush() {
	line := strings.ToValidUTF8(string(o.line), "\ufffd")
	o.line = o.line[:0]
	if o.lines++; o.lines > maxOutputLines {
		return
	}
	for _, shape := range safeShapes {
		if strings.Contains(line, shape) {
			o.log.Error("worker output", "line", line)
			return
		}
	}
}
