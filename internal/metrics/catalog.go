package metrics

import "slices"

// Metric describes one family of series.
type Metric struct {
	Name   string
	Type   string // counter, gauge or histogram
	Labels []string
	Help   string
}

// The families. Times are in seconds.
const (
	requestsTotal    = "inferd_requests_total"
	rejectedTotal    = "inferd_rejected_total"
	queueDepth       = "inferd_queue_depth"
	queueCapacity    = "inferd_queue_capacity"
	active           = "inferd_active"
	queueWait        = "inferd_queue_wait_seconds"
	timeToFirstToken = "inferd_time_to_first_token_seconds"
	interToken       = "inferd_inter_token_seconds"
	requestDuration  = "inferd_request_duration_seconds"
	rejectSeconds    = "inferd_reject_seconds"
	tokensTotal      = "inferd_tokens_total"
	connections      = "inferd_connections"
	connectionsTotal = "inferd_connections_total"
	closedTotal      = "inferd_connections_closed_total"
	breakerState     = "inferd_breaker_state"
	logDroppedTotal  = "inferd_log_dropped_total"
	drainCutTotal    = "inferd_drain_cut_total"
	panicsTotal      = "inferd_panics_total"
	buildInfo        = "inferd_build_info"
)

var catalog = []Metric{
	{requestsTotal, "counter", []string{"wire", "outcome"}, "Requests that ended, by how they ended."},
	{rejectedTotal, "counter", []string{"reason"}, "Requests and connections that were refused."},
	{queueDepth, "gauge", nil, "Requests waiting for a permit."},
	{queueCapacity, "gauge", nil, "Requests that may run or wait (permits + queue depth)."},
	{active, "gauge", nil, "Requests running in an engine."},
	{queueWait, "histogram", nil, "Time from taking up a request's line to a permit."},
	{timeToFirstToken, "histogram", nil, "Time from taking up a request's line to the first token."},
	{interToken, "histogram", nil, "Time between two tokens of one request."},
	{requestDuration, "histogram", nil, "Time from taking up a request's line to the terminal frame."},
	{rejectSeconds, "histogram", nil, "Time from taking up a request's line to its queue_full."},
	{tokensTotal, "counter", []string{"kind"}, "Tokens, as the engines count them."},
	{connections, "gauge", nil, "Open connections."},
	{connectionsTotal, "counter", []string{"transport"}, "Connections accepted."},
	{closedTotal, "counter", []string{"reason"}, "Connections closed, by reason."},
	{
		breakerState, "gauge",
		[]string{"backend"},
		"Circuit breaker of a backend: 0 closed, 1 half open, 2 open.",
	},
	{logDroppedTotal, "counter", nil, "Lines of the activity log lost to a full or slow disk."},
	{drainCutTotal, "counter", nil, "Requests that the end of a drain cut off."},
	{panicsTotal, "counter", nil, "Panics recovered at a loop or worker boundary."},
	{
		buildInfo, "gauge",
		[]string{"version", "commit", "go_version"},
		"Always 1; the labels tell the build.",
	},
}

// Catalog lists every family of the inferd_ prefix.
func Catalog() []Metric { return slices.Clone(catalog) }

// Wire is a protocol, as a label.
type Wire uint8

// The wires.
const (
	V1 Wire = iota
	V2
	Embed
	wireCount
)

var wireNames = [wireCount]string{"v1", "v2", "embed"}

// Outcome is how a request ended.
type Outcome uint8

// The outcomes. The reason of a refusal is in inferd_rejected_total.
const (
	Done      Outcome = iota // its terminal frame was a done
	Rejected                 // refused, before an engine saw it or by the engine
	Failed                   // the engine failed before its first token
	Broken                   // the stream broke off after a token
	Cancelled                // the client went away
	outcomeCount
)

var outcomeNames = [outcomeCount]string{"done", "rejected", "failed", "broken", "cancelled"}

// Reason is why a request or a connection was refused.
type Reason uint8

// The reasons.
const (
	QueueFull Reason = iota
	InvalidRequest
	FrameTooLarge
	NoBackend       // every backend is down or its breaker open
	ShuttingDown    // the daemon drains
	AuthFailed      // TCP key wrong, late or missing
	PeerNotAllowed  // --allow-uid and --allow-gid
	ConnectionLimit // --max-connections
	InboundLimit    // --max-inbound-bytes
	reasonCount
)

var reasonNames = [reasonCount]string{
	"queue_full", "invalid_request", "frame_too_large", "no_backend", "shutting_down",
	"auth_failed", "peer_not_allowed", "connection_limit", "inbound_limit",
}

// TokenKind sorts tokens.
type TokenKind uint8

// The kinds of tokens. CachedPrompt is part of Prompt.
const (
	Prompt TokenKind = iota
	CachedPrompt
	Completion
	tokenKindCount
)

var tokenKindNames = [tokenKindCount]string{"prompt", "cached_prompt", "completion"}

// Transport is what a connection came over.
type Transport uint8

// The transports.
const (
	Unix Transport = iota
	TCP
	transportCount
)

var transportNames = [transportCount]string{"unix", "tcp"}

// vLLM's buckets, so that its dashboards carry over.
var (
	firstTokenBuckets = []float64{
		.001, .005, .01, .02, .04, .06, .08, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160,
		640, 2560,
	}
	interTokenBuckets = []float64{
		.01, .025, .05, .075, .1, .15, .2, .3, .4, .5, .75, 1, 2.5, 5, 7.5, 10, 20, 40, 80,
	}
)

// rejectBuckets are fine below a millisecond: a refusal is promised to be
// immediate.
var rejectBuckets = []float64{
	.000005, .00001, .00002, .00005, .0001, .0002, .0005, .001, .002, .005, .01, .1, 1,
}

// waitBuckets serve queue wait and request duration. vLLM's begin at 0.3 s, too
// late for a local queue; these have its upper range and a finer lower one.
var waitBuckets = []float64{
	.001, .0025, .005, .01, .025, .05, .1, .2, .3, .5, .8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50,
	60, 120, 240, 480, 960, 1920, 7680,
}
