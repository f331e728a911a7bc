package load

// The kinds of Result.Loop.
const (
	loopClosed = "closed"
	loopOpen   = "open"
)

// Result is what one run measured. Times are in milliseconds, rates a second.
type Result struct {
	Label     string  `json:"label,omitempty"`
	Target    string  `json:"target"`
	Transport string  `json:"transport"` // "uds" or "tcp"
	Loop      string  `json:"loop"`      // loopClosed or loopOpen
	Arrivals  string  `json:"arrivals,omitempty"`
	Conns     int     `json:"conns"`
	Offered   float64 `json:"offered_rps,omitempty"` // of the open loop
	Seconds   float64 `json:"seconds"`

	// How the load was made, as [ParseDist] reads it where it is a distribution.
	Warmup      float64 `json:"warmup_s"`
	Prompt      string  `json:"prompt_bytes"`
	MaxTokens   string  `json:"max_tokens,omitempty"` // empty: not sent
	SlowShare   float64 `json:"slow_reader_share,omitempty"`
	SlowRate    float64 `json:"slow_bytes_per_s,omitempty"` // of the slow readers
	HangUpShare float64 `json:"hang_up_share,omitempty"`
	Seed        uint64  `json:"seed"`

	// Interrupted runs ended before their time; the drain was cut short as well.
	Interrupted bool `json:"interrupted,omitempty"`
	// Problem says why the run is worth nothing, or that the server was gone at
	// its end; empty for a run that worked.
	Problem string `json:"problem,omitempty"`
	// Warnings are reasons to doubt the figures.
	Warnings []string `json:"warnings,omitempty"`
	// Repeats is set where this is one of several runs.
	Repeats *Repeats `json:"repeats,omitempty"`

	// Requests that were due within the measurement and sent, then or in the
	// drain; and those that were due before it and not answered when it began. Each
	// of either kind ended within the measurement or after it, or is among the
	// unfinished, or was due before and never sent.
	Sent   int64 `json:"sent"`
	Before int64 `json:"in_flight_before"`

	// What arrived within the measurement.
	Done     int64            `json:"done"`
	Rejected int64            `json:"rejected"`
	Errors   map[string]int64 `json:"errors,omitempty"`
	Frames   int64            `json:"frames"`
	Tokens   int64            `json:"tokens"`
	Bytes    int64            `json:"bytes"`
	// What ended after the measured time, in the drain.
	DoneAfter     int64            `json:"done_after,omitempty"`
	RejectedAfter int64            `json:"rejected_after,omitempty"`
	ErrorsAfter   map[string]int64 `json:"errors_after,omitempty"`
	// HungUp requests were abandoned on purpose, the drain's included.
	HungUp int64 `json:"hung_up"`
	// Unfinished requests had no terminal frame when the run ended, also those
	// sent before the measurement; Unsent ones were due but found no free
	// connection in time.
	Unfinished int64 `json:"unfinished"`
	Unsent     int64 `json:"unsent"`

	RPS        float64 `json:"rps"`         // complete answers
	AnswerRate float64 `json:"answers_rps"` // these and refusals
	FrameRate  float64 `json:"frames_per_s"`
	TokenRate  float64 `json:"tokens_per_s"`

	SLO SLO `json:"slo"`
	// Goodput is the rate of complete answers within the objective, GoodShare
	// their part of all requests that were due: refused and unanswered ones
	// included, those abandoned on purpose left out.
	Goodput   float64 `json:"goodput_rps"`
	GoodShare float64 `json:"good_share"`

	// Of requests that were due within the measurement, from when they were due.
	TTFT       Latency `json:"ttft_ms"`
	InterToken Latency `json:"inter_token_ms"`
	E2E        Latency `json:"e2e_ms"`
	Reject     Latency `json:"reject_ms"`

	// ClientCPU is the generator's own use of processors, 1 being one core, and
	// ClientWait the share of the measurement that its thread was ready to run
	// but had no processor; MeanWait is how long that was each time, in
	// microseconds: some belong to every wake-up (Linux; else 0).
	ClientCPU  float64 `json:"client_cpu"`
	ClientWait float64 `json:"client_wait"`
	MeanWait   float64 `json:"client_mean_wait_us"`
	// SendLate is how far behind their schedule the open loop's requests were
	// sent on a connection that was free.
	SendLate Latency `json:"send_late_ms"`
	Server   *Server `json:"server,omitempty"`
}

// Repeats says how far repeated runs agree.
type Repeats struct {
	Runs int `json:"runs"`
	// Spread is (largest - smallest) / middle of the last Compared runs; Compared
	// is 0 where fewer were made than must agree or there is nothing to compare.
	Compared int     `json:"compared"`
	Spread   float64 `json:"spread"`
}

// Server is the use of the machine by the measured process and its children.
type Server struct {
	PID          int     `json:"pid"`
	Children     int     `json:"children"` // processes at the end
	CPU          float64 `json:"cpu"`      // cores
	CPUSeconds   float64 `json:"cpu_s"`
	USPerRequest float64 `json:"cpu_us_per_request"` // of answered requests, refusals included
	USPerFrame   float64 `json:"cpu_us_per_frame"`
	RSSBytes     int64   `json:"rss_bytes"` // at the end; shared pages count in each process
}

// ClientBusy reports whether the generator came so near to a whole core that
// it may have been the bottleneck.
func (r *Result) ClientBusy() bool { return r.ClientCPU >= busyShare }

// Failed is the number of answers that were errors other than queue_full, and
// of lost connections.
func (r *Result) Failed() int64 {
	return sum(r.Errors)
}

// FailedAfter is the same of what came after the measured time.
func (r *Result) FailedAfter() int64 { return sum(r.ErrorsAfter) }

func sum(counts map[string]int64) int64 {
	var n int64
	for _, count := range counts {
		n += count
	}
	return n
}

// Good is the number of complete answers within the objective.
func (r *Result) Good() int64 { return int64(r.Goodput*r.Seconds + 0.5) }
