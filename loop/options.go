package loop

import (
	"log/slog"
	"runtime"
	"time"
)

// Options of a Server. Zero values mean the defaults, except the timeouts,
// where zero means none.
type Options struct {
	Loops            int // event loops; 0 = DefaultLoops
	MaxConnections   int // the surplus one is accepted and closed at once
	MaxLineBytes     int // one line, without its newline
	MaxAuthBytes     int // the API key's line
	MaxPipelineBytes int // read ahead of one connection while it is busy
	// MaxOutputBytes is how much unwritten output of one connection makes its
	// worker wait (Conn.Write). What the loop is about to write comes on top,
	// so a connection holds at most twice that, and the last frame.
	MaxOutputBytes int
	// MaxInboundBytes is the unfinished and waiting input of all connections. What
	// they have not read of finished answers may be as much again, or twice
	// MaxOutputBytes if that is more, see charge.
	MaxInboundBytes int64
	Timeouts        Timeouts

	Log *slog.Logger
	// OnAcceptError is told of failed accepts (not of a closed listener).
	OnAcceptError func(error)
	// OnRefused is told of each connection over MaxConnections.
	OnRefused func()
	// OnPanic is told of contained panics, with what was recovered.
	OnPanic func(any)
}

// Timeouts can change while the server runs; zero means none.
type Timeouts struct {
	Write time.Duration // pending output makes no progress
	Stall time.Duration // likewise, while a worker waits for room in the outbox
	Idle  time.Duration // no request, no output, no unfinished line
	Line  time.Duration // from a line's first byte to its newline
	Auth  time.Duration // from accept to the API key
}

// shortest is the shortest timeout in use; lingering closes count as one.
func (t Timeouts) shortest() time.Duration {
	d := lingerTimeout
	for _, o := range []time.Duration{t.Write, t.Stall, t.Idle, t.Line, t.Auth} {
		if o > 0 {
			d = min(d, o)
		}
	}
	return d
}

// DefaultLoops is how many event loops serve this machine. One loop carries
// some hundred thousand requests a second, more than engines on the remaining
// cores give it to do: a loop for each four cores keeps it so, see
// docs/design.md.
func DefaultLoops() int { return max(1, runtime.GOMAXPROCS(0)/4) }

// within is t with no longer time for what a client has to do than limit; 0 is none.
func (t *Timeouts) within(limit time.Duration) *Timeouts {
	shorter := *t
	for _, d := range []*time.Duration{&shorter.Write, &shorter.Line, &shorter.Auth} {
		if limit > 0 && (*d <= 0 || *d > limit) {
			*d = limit
		}
	}
	return &shorter
}

// tick is how often deadlines are looked at.
func (t Timeouts) tick() time.Duration { return min(max(t.shortest()/8, tickMin), tickMax) }

func (o Options) withDefaults() Options {
	def := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	def(&o.Loops, DefaultLoops())
	def(&o.MaxConnections, DefaultMaxConnections)
	def(&o.MaxLineBytes, DefaultMaxLineBytes)
	def(&o.MaxAuthBytes, DefaultMaxAuthBytes)
	def(&o.MaxPipelineBytes, DefaultMaxPipelineBytes)
	def(&o.MaxOutputBytes, DefaultMaxOutputBytes)
	if o.MaxInboundBytes <= 0 {
		o.MaxInboundBytes = DefaultMaxInboundBytes
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.OnAcceptError == nil {
		o.OnAcceptError = func(error) {}
	}
	if o.OnRefused == nil {
		o.OnRefused = func() {}
	}
	if o.OnPanic == nil {
		o.OnPanic = func(any) {}
	}
	return o
}
