package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"time"

	"go.uber.org/atomic"

	"inferd/internal/activity"
	"inferd/internal/admin"
	"inferd/internal/config"
	"inferd/internal/instance"
	"inferd/internal/limits"
	"inferd/internal/metrics"
	"inferd/internal/redact"
	"inferd/internal/sdnotify"
	"inferd/internal/serve"
	"inferd/internal/version"
	"inferd/loop"
	"inferd/route"
)

// Daemon is one run. Its fields are set during boot, in the order below, and
// not changed after, except as noted.
type Daemon struct {
	cfg   atomic.Pointer[config.Config] // replaced by reload
	level *slog.LevelVar
	act   *activity.Log
	log   *slog.Logger

	sockets  map[string][]passed // from the service manager, by name
	unserved []passed            // those of them that nothing serves
	lock     *instance.Lock
	status   *admin.Broadcaster
	admin    *admin.Server
	adminEnd chan struct{} // closed when admin accepts no more
	backends []backend
	parallel int // requests that each llamacpp engine computes at once
	router   *route.Router
	metrics  *metrics.Set
	web      *metrics.Server // nil without --metrics-addr
	sized    limits.Sized
	service  *serve.Service
	server   *loop.Server
	shared   bool // a socket is the service manager's, and stays
	closed   *closedRing
	started  time.Time
	accepts  throttle // of the log lines about failed accepts

	booted func() // ends what holds during the boot only; may be called again

	passedSockets func() (map[string][]passed, error) // instance.Activated

	alive      func() bool // whether every event loop turns; see pulse
	checkEvery time.Duration
	pulse      pulse

	stateMu sync.Mutex // makes a look at the backends and what is published of it one step

	// serving is service and server for those who may ask before there are any.
	serving atomic.Pointer[serving]

	// readConfig is config.Config.Reload.
	readConfig func(*config.Config) (*config.Config, []config.Change, error)

	drain  chan string       // why the shutdown begins; capacity 1
	reload chan chan<- error // from the admin socket: where the outcome goes, capacity 1
}

type serving struct {
	service *serve.Service
	server  *loop.Server
}

// Run boots a daemon, serves until a signal or a fatal error, and ends it. A
// nil error is a signalled shutdown.
func Run(cfg *config.Config, stderr io.Writer) error {
	crashBySignal()
	// Whoever reads stderr may go. A write then fails, which is the log's business;
	// without this the Go runtime would end the daemon.
	signal.Ignore(syscall.SIGPIPE)
	end, reload := make(chan os.Signal, 2), make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM, syscall.SIGINT)
	signal.Notify(reload, syscall.SIGHUP)
	defer signal.Stop(end)
	defer signal.Stop(reload)
	return newDaemon(cfg).live(signals{end, reload}, stderr)
}

// signals are those that the process gets. Those that end it have a channel of their
// own, for what does not fit into one is lost: any number of reloads must not cost one.
type signals struct{ end, reload <-chan os.Signal }

func newDaemon(cfg *config.Config) *Daemon {
	d := &Daemon{
		level: new(slog.LevelVar), started: time.Now(), closed: newClosedRing(closedKept),
		drain: make(chan string, 1), reload: make(chan chan<- error),
		passedSockets: instance.Activated, checkEvery: aliveEvery,
		readConfig: (*config.Config).Reload,
	}
	d.cfg.Store(cfg)
	d.pulse.beats.Store(true) // until the loops have been asked
	return d
}

// live is the whole run, within its log.
func (d *Daemon) live(got signals, stderr io.Writer) error {
	cfg := d.cfg.Load()
	d.booted = sync.OnceFunc(paceCollector())
	defer d.booted()
	d.openLog(stderr)
	defer d.closeLog()
	d.log.Info("inferd-daemon starting", "version", version.Version, "commit", version.Commit(),
		"pid", os.Getpid())
	for _, w := range cfg.Warnings() {
		d.log.Warn(w)
	}
	if err := d.run(got); err != nil {
		d.log.Error("inferd-daemon failed", "error", err)
		return err
	}
	d.log.Info("shutdown complete")
	return nil
}

// run is Run between the opening and the closing of the log.
func (d *Daemon) run(got signals) (err error) {
	if err := d.openPerimeter(); err != nil {
		return err
	}
	defer d.closePerimeter()

	// A signal while engines load ends the boot.
	booting, cancel := context.WithCancelCause(context.Background())
	stopWatching := d.cancelOnSignal(got.end, cancel)
	err = d.startEngines(booting)
	if err == nil {
		err = d.awaitReady(booting)
	}
	stopWatching()
	defer d.stopEngines()
	if errors.Is(context.Cause(booting), errSignalled) { // however far the boot has come
		d.status.Publish(admin.Draining())
		return nil
	}
	if err != nil {
		return err
	}
	if err := d.startServing(); err != nil {
		return err
	}
	d.booted()
	why, err := d.loop(got)
	if err != nil {
		d.log.Error("ending without a drain", "error", err)
		d.abandon()
		return err
	}
	d.shutdown(why, got.end)
	return nil
}

var errSignalled = errors.New("signalled")

// paceCollector lets the garbage collector wait a little longer until booted is
// called: a boot allocates its buffers once and has little to collect, and a
// collection is a tenth of the time from exec to listening. From then on it comes
// earlier than usual: requests and tokens allocate nothing, so that it hardly ever
// runs, and what it leaves lying is a good part of the memory of an idle connection.
// If the environment has GOGC, that is how it stays.
func paceCollector() (booted func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	debug.SetGCPercent(bootGCPercent)
	return func() { debug.SetGCPercent(servingGCPercent) }
}

// cancelOnSignal cancels a boot at the first SIGTERM or SIGINT until stopped.
func (d *Daemon) cancelOnSignal(
	signals <-chan os.Signal, cancel context.CancelCauseFunc,
) (stop func()) {
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case s := <-signals:
				d.log.Info("shutdown signalled", "signal", s.String())
				cancel(errSignalled)
				return
			case <-d.drain:
				cancel(errSignalled)
				return
			case <-quit:
				return
			}
		}
	}()
	return func() { close(quit); <-done }
}

// loop serves until something ends the daemon. One reload is in progress at a time; the
// next waits.
func (d *Daemon) loop(got signals) (why string, err error) {
	watchdog, stop := context.WithCancel(context.Background())
	defer stop()
	go func() { _ = sdnotify.Watchdog(watchdog, d.pulse.beats.Load) }()
	check := time.NewTicker(d.checkEvery)
	defer check.Stop()
	var reading *reload
	defer func() { reading.answer(errEnding) }()
	for !d.pulse.lost() {
		signalled, asked := got.reload, d.reload
		if reading != nil {
			signalled, asked = nil, nil
		}
		select {
		case s := <-got.end:
			return s.String(), nil
		case <-signalled:
			reading = d.beginReload(nil)
		case reply := <-asked:
			reading = d.beginReload(reply)
		case <-reading.read():
			reading.answer(d.endReload(reading))
			reading = nil
		case why := <-d.drain:
			return why, nil
		case <-check.C:
			d.pulse.take(d.alive())
		}
	}
	return "", fmt.Errorf("an event loop has not turned for %v", aliveMisses*d.checkEvery)
}

func (d *Daemon) openLog(stderr io.Writer) {
	cfg := d.cfg.Load()
	if level, err := activity.ParseLevel(cfg.LogLevel); err == nil {
		d.level.Set(level)
	}
	generations := cfg.LogGenerations
	if generations == 0 {
		generations = -1 // activity's way of saying none
	}
	d.act = activity.Open(activity.Options{
		Dir: cfg.LogDir, Stderr: stderr, Journal: sdnotify.IsJournal(stderr), Level: d.level,
		FileBytes: cfg.LogMaxBytes, KeepFiles: generations,
	})
	d.log = d.act.Logger("daemon")
	// Some libraries write to the standard log what a peer has sent: it goes the way of
	// all lines, redacted and cut.
	log.SetFlags(0)
	log.SetOutput(libraryLog{d.act.Logger("library")})
}

type libraryLog struct{ to *slog.Logger }

func (l libraryLog) Write(line []byte) (int, error) {
	text := redact.Cut(strings.TrimSpace(string(line)), maxLibraryLine)
	l.to.Warn("a library reports", "line", text)
	return len(line), nil
}

func (d *Daemon) closeLog() {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	log.SetOutput(io.Discard)
	_ = d.act.Close(ctx)
}
