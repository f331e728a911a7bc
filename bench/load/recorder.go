package load

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// recorder counts what happens within the measurement. The generator's
// goroutine owns it.
type recorder struct {
	ttft, gap, e2e, reject *hdrhistogram.Histogram

	// how late the open loop's requests went out on a free connection
	late *hdrhistogram.Histogram

	// requests due within the measurement: those answered well, those sent, those
	// that found no room in the backlog, and those of the sent ones that are not
	// due any more because they were abandoned on purpose
	good, sent, dropped, notDue int64

	// requests that were sent or waited for a connection when the measurement began
	before int64

	// terminal frames that arrived within the measurement, whenever they were due
	done, rejected int64
	errors         map[string]int64
	// and those that arrived in the drain
	doneAfter, rejectedAfter int64
	errorsAfter              map[string]int64

	frames, tokens, bytes int64
	hungUp                int64 // also in the drain
}

func newRecorder() *recorder {
	histogram := func() *hdrhistogram.Histogram {
		// Microseconds in steps of 0.1 %, stored as nanoseconds.
		return hdrhistogram.New(1_000, int64(maxLatency), 3)
	}
	return &recorder{
		ttft: histogram(), gap: histogram(), e2e: histogram(), reject: histogram(),
		late: histogram(), errors: map[string]int64{}, errorsAfter: map[string]int64{},
	}
}

// record adds one latency in nanoseconds; what is out of range counts as the
// end of the range.
func record(h *hdrhistogram.Histogram, ns int64) {
	_ = h.RecordValue(min(max(ns, 0), int64(maxLatency)))
}

// met reports whether the answer meets the objective.
func (s SLO) met(ttft, e2e int64) bool {
	return (s.TTFT == 0 || ttft <= int64(s.TTFT)) && (s.E2E == 0 || e2e <= int64(s.E2E))
}

// Latency is a distribution of times, in milliseconds.
type Latency struct {
	Count int64   `json:"count"`
	Mean  float64 `json:"mean"`
	P50   float64 `json:"p50"`
	P90   float64 `json:"p90"`
	P99   float64 `json:"p99"`
	P999  float64 `json:"p999"`
	Max   float64 `json:"max"`
}

func latency(h *hdrhistogram.Histogram) Latency {
	if h.TotalCount() == 0 {
		return Latency{}
	}
	ms := func(ns int64) float64 { return float64(ns) / float64(time.Millisecond) }
	at := h.ValueAtQuantile
	return Latency{
		Count: h.TotalCount(), Mean: h.Mean() / float64(time.Millisecond),
		P50: ms(at(50)), P90: ms(at(90)), P99: ms(at(99)), P999: ms(at(99.9)), Max: ms(h.Max()),
	}
}
