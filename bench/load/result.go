package load

import "time"

// Result is what one run measured. Times are in milliseconds, rates a second.
type Result struct {
	Label     string  `json:"label,omitempty"`
	Target    string  `json:"target"`
	Transport string  `json:"transport"` // "uds" or "tcp"
	Loop      string  `json:"loop"`      // "closed" or "open"
	Arrivals  string  `json:"arrivals,omitempty"`
	Conns     int     `json:"conns"`
	Offered   float64 `json:"offered_rps,omitempty"` // of the open loop
	Seconds   float64 `json:"seconds"`

	// What arrived within the measurement.
	Done     int64            `json:"done"`
	Rejected int64            `json:"rejected"`
	Errors   map[string]int64 `json:"errors,omitempty"`
	Frames   int64            `json:"frames"`
	Tokens   int64            `json:"tokens"`
	Bytes    int64            `json:"bytes"`
	// HungUp requests were abandoned on purpose.
	HungUp int64 `json:"hung_up"`
	// Unfinished requests had no terminal frame when the run ended; Unsent ones
	// were due but found no free connection in time.
	Unfinished int64 `json:"unfinished"`
	Unsent     int64 `json:"unsent"`

	RPS        float64 `json:"rps"`         // complete answers
	AnswerRate float64 `json:"answers_rps"` // these and refusals
	FrameRate  float64 `json:"frames_per_s"`
	TokenRate  float64 `json:"tokens_per_s"`

	SLO SLO `json:"slo"`
	// Goodput is the rate of complete answers within the objective, GoodShare
	// their part of all requests that were due, refused and unanswered ones
	// included.
	Goodput   float64 `json:"goodput_rps"`
	GoodShare float64 `json:"good_share"`

	// Of requests that were due within the measurement, from when they were due.
	TTFT       Latency `json:"ttft_ms"`
	InterToken Latency `json:"inter_token_ms"`
	E2E        Latency `json:"e2e_ms"`
	Reject     Latency `json:"reject_ms"`

	// ClientCPU is the generator's own use of processors, 1 being one core.
	ClientCPU float64 `json:"client_cpu"`
	Server    *Server `json:"server,omitempty"`
}

// Server is the measured process's use of the machine.
type Server struct {
	PID          int     `json:"pid"`
	CPU          float64 `json:"cpu"` // cores
	CPUSeconds   float64 `json:"cpu_s"`
	USPerRequest float64 `json:"cpu_us_per_request"` // of answered requests, refusals included
	USPerFrame   float64 `json:"cpu_us_per_frame"`
	RSSBytes     int64   `json:"rss_bytes"`
}

// ClientBusy reports whether the generator came so near to a whole core that
// it may have been the bottleneck.
func (r *Result) ClientBusy() bool { return r.ClientCPU >= busyShare }

// Failed is the number of answers that were errors other than queue_full, and
// of lost connections.
func (r *Result) Failed() int64 {
	var n int64
	for _, count := range r.Errors {
		n += count
	}
	return n
}

// Good is the number of complete answers within the objective.
func (r *Result) Good() int64 { return int64(r.Goodput*r.Seconds + 0.5) }

// result takes what is known when the measurement ends.
func (g *generator) result(before, after sample) *Result {
	c, config := g.counts, g.config
	elapsed := time.Duration(after.at - before.at).Seconds()
	answers := float64(c.done + c.rejected)
	r := &Result{
		Label: config.Label, Target: config.Target.String(), Transport: "uds", Loop: "closed",
		Conns: config.Conns, Seconds: elapsed, SLO: config.SLO,
		Done: c.done, Rejected: c.rejected, Frames: c.frames, Bytes: c.bytes, HungUp: c.hungUp,
		Tokens: c.tokens, TokenRate: float64(c.tokens) / elapsed,
		RPS: float64(c.done) / elapsed, AnswerRate: answers / elapsed,
		FrameRate: float64(c.frames) / elapsed,
		ClientCPU: (after.own - before.own).Seconds() / elapsed,
	}
	if config.Target.TCP != "" {
		r.Transport = "tcp"
	}
	if config.openLoop() {
		r.Loop, r.Offered, r.Arrivals = "open", config.Rate, config.Arrivals.String()
	}
	if config.ServerPID != 0 {
		used := (after.server - before.server).Seconds()
		r.Server = &Server{PID: config.ServerPID, CPU: used / elapsed, CPUSeconds: used}
		if answers > 0 {
			r.Server.USPerRequest = used / answers * 1e6
		}
		if c.frames > 0 {
			r.Server.USPerFrame = used / float64(c.frames) * 1e6
		}
	}
	return r
}

// finish adds what the last answers decided.
func (g *generator) finish(r *Result) {
	c := g.counts
	r.TTFT, r.InterToken = latency(c.ttft), latency(c.gap)
	r.E2E, r.Reject = latency(c.e2e), latency(c.reject)
	r.Unsent = c.dropped + int64(g.backlog.len())
	for i := range g.slots {
		if g.slots[i].busy && g.slots[i].counted {
			r.Unfinished++
		}
	}
	if len(c.errors) > 0 {
		r.Errors = c.errors
	}
	r.Goodput = float64(c.good) / r.Seconds
	if due := c.sent + r.Unsent; due > 0 {
		r.GoodShare = float64(c.good) / float64(due)
	}
}
