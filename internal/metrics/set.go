package metrics

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	vm "github.com/VictoriaMetrics/metrics"
)

// Options configure a Set.
type Options struct {
	// Enabled says that somebody can read the metrics. If not, histograms are
	// skipped; counters cost an atomic increment and always run, for the admin
	// socket shows them too.
	Enabled bool

	Version, Commit, GoVersion string

	// Read at each scrape; nil shows 0.
	QueueDepth, QueueCapacity, Active, Connections func() float64
	LogDropped                                     func() uint64
}

// Set is every metric of one daemon. Its methods may be called from any
// goroutine and do not allocate, except where they say so.
type Set struct {
	// immutable
	set     *vm.Set
	enabled bool
	dropped func() uint64

	requests    [wireCount][outcomeCount]*vm.Counter
	rejected    [reasonCount]*vm.Counter
	tokens      [tokenKindCount]*vm.Counter
	connections [transportCount]*vm.Counter
	drainCut    *vm.Counter
	panics      *vm.Counter

	queueWait       *vm.PrometheusHistogram
	firstToken      *vm.PrometheusHistogram
	interToken      *vm.PrometheusHistogram
	requestDuration *vm.PrometheusHistogram
	reject          *vm.PrometheusHistogram
}

// New makes all series, each at zero.
func New(o Options) *Set {
	s := &Set{
		set:     vm.NewSet(),
		enabled: o.Enabled,
		dropped: o.LogDropped,
	}
	for w, wire := range wireNames {
		for i, outcome := range outcomeNames {
			s.requests[w][i] = s.set.NewCounter(series(requestsTotal, "wire", wire, "outcome", outcome))
		}
	}
	for i, reason := range reasonNames {
		s.rejected[i] = s.set.NewCounter(series(rejectedTotal, "reason", reason))
	}
	for i, kind := range tokenKindNames {
		s.tokens[i] = s.set.NewCounter(series(tokensTotal, "kind", kind))
	}
	for i, transport := range transportNames {
		s.connections[i] = s.set.NewCounter(series(connectionsTotal, "transport", transport))
	}
	s.drainCut = s.set.NewCounter(drainCutTotal)
	s.panics = s.set.NewCounter(panicsTotal)
	s.queueWait = s.set.NewPrometheusHistogramExt(queueWait, waitBuckets)
	s.firstToken = s.set.NewPrometheusHistogramExt(timeToFirstToken, firstTokenBuckets)
	s.interToken = s.set.NewPrometheusHistogramExt(interToken, interTokenBuckets)
	s.requestDuration = s.set.NewPrometheusHistogramExt(requestDuration, waitBuckets)
	s.reject = s.set.NewPrometheusHistogramExt(rejectSeconds, rejectBuckets)
	for name, read := range map[string]func() float64{
		queueDepth: o.QueueDepth, queueCapacity: o.QueueCapacity,
		active: o.Active, connections: o.Connections,
	} {
		if read == nil {
			read = func() float64 { return 0 }
		}
		s.set.NewGauge(name, read)
	}
	s.set.NewGauge(
		series(buildInfo, "version", o.Version, "commit", o.Commit, "go_version", o.GoVersion),
		func() float64 { return 1 },
	)
	return s
}

// series is name{label="value",…} from pairs.
func series(name string, pairs ...string) string {
	var b strings.Builder
	b.WriteString(name)
	for i := 0; i < len(pairs); i += 2 {
		if i == 0 {
			b.WriteByte('{')
		} else {
			b.WriteByte(',')
		}
		b.WriteString(pairs[i])
		b.WriteByte('=')
		// Prometheus knows three escapes; strconv's others would be misread, so
		// other control characters become spaces.
		b.WriteByte('"')
		for _, r := range pairs[i+1] {
			switch {
			case r == '"' || r == '\\':
				b.WriteByte('\\')
				b.WriteRune(r)
			case r < ' ':
				b.WriteByte(' ')
			default:
				b.WriteRune(r)
			}
		}
		b.WriteByte('"')
	}
	if len(pairs) > 0 {
		b.WriteByte('}')
	}
	return b.String()
}

// Enabled says whether observations of time are kept. A caller that would have
// to read a clock for one asks first.
func (s *Set) Enabled() bool { return s.enabled }

// Request counts a request that ended.
func (s *Set) Request(w Wire, o Outcome) { s.requests[w][o].Inc() }

// Reject counts a refusal. A refused request is counted by Request too.
func (s *Set) Reject(r Reason) { s.rejected[r].Inc() }

// Tokens adds n tokens.
func (s *Set) Tokens(k TokenKind, n uint32) {
	if n != 0 {
		s.tokens[k].AddInt64(int64(n))
	}
}

// Connection counts an accepted connection.
func (s *Set) Connection(t Transport) { s.connections[t].Inc() }

// DrainCut counts requests that the end of a drain cut off.
func (s *Set) DrainCut(n int) { s.drainCut.Add(n) }

// Panic counts a recovered panic.
func (s *Set) Panic() { s.panics.Inc() }

// ObserveQueueWait records the time from taking up a request's line to a permit.
func (s *Set) ObserveQueueWait(d time.Duration) { s.observe(s.queueWait, d) }

// ObserveFirstToken records the time from taking up a line to the first token.
func (s *Set) ObserveFirstToken(d time.Duration) { s.observe(s.firstToken, d) }

// ObserveInterToken records the time between two tokens of one request.
func (s *Set) ObserveInterToken(d time.Duration) { s.observe(s.interToken, d) }

// ObserveRequest records the time from taking up a line to the terminal
// frame.
func (s *Set) ObserveRequest(d time.Duration) { s.observe(s.requestDuration, d) }

// ObserveReject records the time from a request's line to its queue_full.
func (s *Set) ObserveReject(d time.Duration) { s.observe(s.reject, d) }

func (s *Set) observe(h *vm.PrometheusHistogram, d time.Duration) {
	if s.enabled {
		h.Update(d.Seconds())
	}
}

// ClosedCounters makes a counter for each close reason, in the order given; the
// caller indexes the result by its own reason type. For start-up: allocates.
func (s *Set) ClosedCounters(reasons []string) []*vm.Counter {
	counters := make([]*vm.Counter, len(reasons))
	for i, r := range reasons {
		counters[i] = s.set.GetOrCreateCounter(series(closedTotal, "reason", r))
	}
	return counters
}

// Breaker shows a backend's breaker; state gives 0 for closed, 1 for half open, 2
// for open. Once for each backend, at start-up: allocates. A second backend of
// the same label panics; names without control characters differ in it.
func (s *Set) Breaker(backend string, state func() float64) {
	s.set.NewGauge(series(breakerState, "backend", backend), state)
}

// Counters are the totals that the admin socket's stats command shows.
type Counters struct {
	Requests map[string]uint64 `json:"requests"` // by outcome, all wires
	Rejected map[string]uint64 `json:"rejected"` // by reason
	Tokens   map[string]uint64 `json:"tokens"`   // by kind
	DrainCut uint64            `json:"drain_cut"`
	Panics   uint64            `json:"panics"`
}

// Counters reads the totals. It allocates.
func (s *Set) Counters() Counters {
	c := Counters{
		Requests: map[string]uint64{}, Rejected: map[string]uint64{}, Tokens: map[string]uint64{},
		DrainCut: s.drainCut.Get(), Panics: s.panics.Get(),
	}
	for _, outcomes := range s.requests {
		for i, n := range outcomes {
			c.Requests[outcomeNames[i]] += n.Get()
		}
	}
	for i, n := range s.rejected {
		c.Rejected[reasonNames[i]] = n.Get()
	}
	for i, n := range s.tokens {
		c.Tokens[tokenKindNames[i]] = n.Get()
	}
	return c
}

// Write writes all series in Prometheus' text format, each family with its
// help and type, then those of the process.
func (s *Set) Write(w io.Writer) error {
	var b strings.Builder
	s.set.WritePrometheus(&b)
	dropped := uint64(0)
	if s.dropped != nil {
		dropped = s.dropped()
	}
	b.WriteString(logDroppedTotal + " " + strconv.FormatUint(dropped, 10) + "\n")
	text := annotate(b.String())
	var process strings.Builder
	vm.WriteProcessMetrics(&process)
	vm.WriteFDMetrics(&process)
	if _, err := io.WriteString(w, text+process.String()); err != nil {
		return fmt.Errorf("writing metrics: %w", err)
	}
	return nil
}

// annotate puts help and type before the first line of each family; the series
// of a family follow each other.
func annotate(text string) string {
	families := make(map[string]Metric, len(catalog))
	for _, m := range catalog {
		families[m.Name] = m
	}
	var b strings.Builder
	last := ""
	for line := range strings.Lines(text) {
		name := line[:strings.IndexAny(line, "{ ")]
		m, ok := families[name]
		for _, suffix := range []string{"_bucket", "_sum", "_count"} {
			if base, cut := strings.CutSuffix(name, suffix); !ok && cut {
				m, ok = families[base]
			}
		}
		if ok && m.Name != last {
			last = m.Name
			fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s %s\n", m.Name, m.Help, m.Name, m.Type)
		}
		b.WriteString(line)
	}
	return b.String()
}
