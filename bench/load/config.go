package load

import (
	"errors"
	"fmt"
	"time"

	"inferd/client"
)

// Config says what one run does. The zero values of the optional fields are
// filled in by [Config.Validate].
type Config struct {
	// Label names the run in reports.
	Label string
	// Target must name a Unix path or a TCP address.
	Target client.Target
	// Conns is the number of connections; 0 means 1.
	Conns int
	// Rate is the number of requests a second of the open loop. 0 means the
	// closed loop.
	Rate float64
	// Arrivals spaces the requests of the open loop; nil means Poisson.
	Arrivals Arrivals
	// Warmup is run before anything is counted. With 0 the first request of each
	// connection belongs to the measurement.
	Warmup time.Duration
	// Duration is measured; 0 means 5 s.
	Duration time.Duration
	// Drain is how long answers are waited for after that; 0 means 5 s.
	Drain time.Duration
	// Prompt gives the size of the user message in bytes; nil means 2.
	Prompt Dist
	// MaxTokens gives max_tokens; nil leaves it to the server.
	MaxTokens Dist
	// SlowShare of the connections read only SlowRate bytes a second (0: 1024).
	SlowShare float64
	SlowRate  float64
	// HangUpShare of the requests are abandoned after their first frame, by
	// closing the connection. They count neither for nor against goodput.
	HangUpShare float64
	// SLO is what counts as a good answer.
	SLO SLO
	// ServerPID is the process whose processor time and memory are read, with
	// those of its child processes; 0 for none.
	ServerPID int
	// Seed makes runs repeatable: with the same one the same requests are due at
	// the same times in the open loop, however fast the server is.
	Seed uint64
	// Portable uses the net package also where there is epoll.
	Portable bool
	// Progress, if set, is called about twice a second from the running
	// goroutine and must be quick.
	Progress func(Progress)
}

// SLO is a latency objective; a zero limit is met by everything.
type SLO struct {
	TTFT time.Duration `json:"ttft_ns"`
	E2E  time.Duration `json:"e2e_ns"`
}

// Progress is a snapshot of a running run.
type Progress struct {
	Phase     string        // "connecting", "warming up", "measuring", "draining"
	Elapsed   time.Duration // of the phase
	Total     time.Duration // of the phase, at most; 0 while connecting
	Done      int64         // answers so far, warm-up included
	Rejected  int64
	Failed    int64
	Conns     int // open now
	WantConns int // of the run
}

// Validate checks the configuration and fills in defaults.
func (c *Config) Validate() error {
	if (c.Target.Unix == "") == (c.Target.TCP == "") {
		return errors.New("load: name one target, a Unix path or a TCP address")
	}
	if c.Conns == 0 {
		c.Conns = 1
	}
	if c.Conns < 0 || c.Conns > maxConns {
		return fmt.Errorf("load: %d connections: want 1 to %d", c.Conns, maxConns)
	}
	if !(c.Rate >= 0 && c.Rate <= 1e7) { // also what is no number
		return fmt.Errorf("load: rate %g: want 0 to 1e7 requests a second", c.Rate)
	}
	for name, share := range map[string]float64{
		"slow readers": c.SlowShare, "hang-ups": c.HangUpShare,
	} {
		if !(share >= 0 && share <= 1) {
			return fmt.Errorf("load: share of %s %g: want 0 to 1", name, share)
		}
	}
	if c.Warmup < 0 || c.Duration < 0 || c.Drain < 0 || c.SLO.TTFT < 0 || c.SLO.E2E < 0 {
		return errors.New("load: durations must not be negative")
	}
	c.fillDefaults()
	if !(c.SlowRate >= slowestRate && c.SlowRate <= fastestSlowRate) {
		return fmt.Errorf("load: slow readers at %g bytes a second: want %d to %d",
			c.SlowRate, slowestRate, fastestSlowRate)
	}
	return nil
}

func (c *Config) fillDefaults() {
	if c.Duration == 0 {
		c.Duration = 5 * time.Second
	}
	if c.Drain == 0 {
		c.Drain = 5 * time.Second
	}
	if c.Arrivals == nil {
		c.Arrivals = Poisson{}
	}
	if c.Prompt == nil {
		c.Prompt = Fixed(2)
	}
	if c.SlowRate == 0 {
		c.SlowRate = 1024
	}
}

// openLoop reports whether requests arrive by schedule.
func (c *Config) openLoop() bool { return c.Rate > 0 }

// slowConns is the number of connections that read slowly.
func (c *Config) slowConns() int { return int(c.SlowShare*float64(c.Conns) + 0.5) }
