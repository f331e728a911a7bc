package worker

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"inferd/engine"
	"inferd/engine/llamacpp/internal/llama"
	"inferd/engine/llamacpp/internal/runner"
	"inferd/engine/llamacpp/internal/sched"
)

// Marker is the worker's first argument; no command of the binaries is spelled
// like it.
const Marker = "__llamacpp_worker"

// socketFD is the worker's end of the socket pair.
const socketFD = 3

// Exit codes of the worker, for the log.
const (
	exitDone   = 0
	exitBroken = 3 // the native state is beyond repair
	exitFailed = 4 // the model did not load
	exitSocket = 5
)

// failure is why a model did not load.
type failure struct {
	Text    string
	Library bool // the libraries are missing or unknown
	Hash    bool // the file is not the one that was meant
}

// Main is the worker. It does not return.
func Main() {
	// The daemon decides when a worker ends: a terminal's interrupt or a service
	// manager's SIGTERM to the whole group must not cut its drain short.
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	f := os.NewFile(socketFD, "socket")
	conn, err := net.FileConn(f)
	if err != nil {
		os.Exit(exitSocket)
	}
	_ = f.Close() // conn has its own copy
	os.Exit(serve(conn))
}

// child is the worker's state. out is shared by the decode loop, the request
// goroutines and the log.
type child struct {
	conn net.Conn
	run  *runner.Runner

	mu  sync.Mutex
	buf []byte // the frame being written

	// starting holds the requests that are still being tokenised, and whether
	// they were cancelled meanwhile.
	startMu  sync.Mutex
	starting map[uint64]bool
}

func serve(conn net.Conn) int {
	c := &child{conn: conn, starting: make(map[uint64]bool)}
	in := bufio.NewReaderSize(conn, frameBuffer)
	typ, payload, _, err := readFrame(in, nil, maxRequestFrame)
	if err != nil || typ != frameConfig {
		return exitSocket
	}
	var cfg runner.Config
	if err := json.Unmarshal(payload, &cfg); err != nil {
		return exitSocket
	}
	log := slog.New(logHandler{c})
	phase := func(p engine.Phase) { c.sendJSON(framePhase, p) }
	c.run, err = runner.Load(cfg, phase, log, c.sendEvents)
	if err != nil {
		c.sendJSON(frameFailed, failure{
			Text:    err.Error(),
			Library: errors.Is(err, llama.ErrNoLibrary) || errors.Is(err, llama.ErrUnknownLibrary),
			Hash:    errors.Is(err, runner.ErrHash),
		})
		return exitFailed
	}
	c.sendJSON(frameReady, c.run.Info())
	go c.receive(in)
	if err := c.run.Run(); err != nil {
		log.Error("llama.cpp is broken", "error", err)
		return exitBroken
	}
	return exitDone
}

// receive takes the daemon's frames. The end of the socket is the end of the
// daemon: the process ends at once, even inside native code.
func (c *child) receive(in io.Reader) {
	var buf []byte
	for {
		typ, payload, grown, err := readFrame(in, buf, maxRequestFrame)
		if err != nil {
			os.Exit(exitDone)
		}
		buf = grown
		d := &decoder{b: payload}
		switch typ {
		case frameStart:
			req, err := decodeStart(payload)
			if err != nil {
				os.Exit(exitSocket)
			}
			c.startMu.Lock()
			c.starting[req.ID] = false
			c.startMu.Unlock()
			// Tokenising takes its time; the daemon bounds how many run.
			go c.start(req)
		case frameCancel:
			c.cancel(d.u64())
		case framePing:
			c.send(appendCounters(beginFrame(nil, framePong), c.run.Stats()))
		case frameStop:
			c.run.Stop()
		default:
			os.Exit(exitSocket)
		}
		if cap(buf) > frameBuffer {
			buf = nil // a rare large prompt's
		}
	}
}

func (c *child) start(req *runner.Request) {
	err := c.run.Start(req)
	c.startMu.Lock()
	cancelled := c.starting[req.ID]
	delete(c.starting, req.ID)
	c.startMu.Unlock()
	switch {
	case err != nil:
		c.sendEvents([]sched.Event{{ID: req.ID, Done: true, Stop: engine.StopError, Err: err}})
	case cancelled:
		c.run.Cancel(req.ID)
	}
}

// cancel reaches a request wherever it is: the runner does not know it before
// it is tokenised.
func (c *child) cancel(id uint64) {
	c.startMu.Lock()
	if _, ok := c.starting[id]; ok {
		c.starting[id] = true
	}
	c.startMu.Unlock()
	c.run.Cancel(id)
}

// sendEvents is the runner's emit: it waits while the daemon does not read.
func (c *child) sendEvents(events []sched.Event) {
	var stats sched.Stats
	if c.run != nil {
		stats = c.run.Stats()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.buf = appendEvents(c.buf[:0], stats, events)
	c.write(c.buf)
}

func (c *child) sendJSON(typ byte, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // our own types
	}
	c.send(append(beginFrame(nil, typ), b...))
}

// send completes a frame begun with beginFrame and writes it.
func (c *child) send(frame []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.write(endFrame(frame))
}

func (c *child) write(frame []byte) {
	if _, err := c.conn.Write(frame); err != nil {
		os.Exit(exitDone) // the daemon is gone
	}
}

// logHandler sends log records as frames: standard error is for what native code
// and the runtime print on their own.
type logHandler struct{ c *child }

func (logHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelInfo }
func (h logHandler) WithAttrs([]slog.Attr) slog.Handler         { return h }
func (h logHandler) WithGroup(string) slog.Handler              { return h }

func (h logHandler) Handle(_ context.Context, r slog.Record) error {
	text := r.Message
	r.Attrs(func(a slog.Attr) bool {
		text += ": " + a.Value.String()
		return true
	})
	if len(text) > maxOutputLineBytes {
		text = text[:maxOutputLineBytes]
	}
	h.c.send(append(beginFrame(nil, frameLog), append([]byte{byte(int8(r.Level))}, text...)...))
	return nil
}
