package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"go.uber.org/atomic"
)

// sample is what one measurement gave. Times are in microseconds.
type sample struct {
	requestsPerSecond float64
	tokensPerRequest  float64
	firstP50          float64 // from sending to the first token
	firstP99          float64
	gapP50            float64 // from one token to the next
	gapP99            float64
	cpuPerRequest     float64 // the server's, with its child processes; 0 if unknown
}

// longest is the highest time the histograms hold, in microseconds: 10 min.
const longest = int64(10 * time.Minute / time.Microsecond)

// tally is one client's own; they are merged at the end.
type tally struct {
	requests, tokens int
	first, gap       *hdrhistogram.Histogram
	err              error
}

func newTally() *tally {
	return &tally{first: hdrhistogram.New(1, longest, 3), gap: hdrhistogram.New(1, longest, 3)}
}

// questions is part of the prompts; each request gets a number of its own, too.
var questions = [...]string{
	"What is the capital of France?", "Count to five.", "Name a colour.", "What is 3 + 4?",
	"Which month comes after May?", "Tell me a short story.", "Spell the word cat.", "Who are you?",
}

var asked atomic.Int64

func nextPrompt() string {
	n := asked.Inc()
	return fmt.Sprintf("(%d) %s", n, questions[int(n)%len(questions)])
}

// measure runs the closed loop of so many clients for s.window.
func measure(ctx context.Context, srv *server, clients int, s *settings) (sample, error) {
	askers := make([]asker, clients)
	for i := range askers {
		a, err := srv.dial(ctx)
		if err != nil {
			return sample{}, err
		}
		defer a.close()
		askers[i] = a
	}
	// Warm up: code paths, connections, and the model's pages.
	if _, err := askers[0].ask(ctx, nextPrompt(), s.tokens, func() {}); err != nil {
		return sample{}, err
	}
	cpuBefore := treeCPU(srv.pid)
	begin := time.Now()
	tallies := make([]*tally, clients)
	var crowd sync.WaitGroup
	for i, a := range askers {
		tallies[i] = newTally()
		crowd.Go(func() { tallies[i].run(ctx, a, begin.Add(s.window), s.tokens) })
	}
	crowd.Wait()
	elapsed, cpu := time.Since(begin), treeCPU(srv.pid)-cpuBefore

	all := newTally()
	for _, t := range tallies {
		if t.err != nil {
			return sample{}, t.err
		}
		all.requests += t.requests
		all.tokens += t.tokens
		all.first.Merge(t.first)
		all.gap.Merge(t.gap)
	}
	requests := float64(all.requests)
	return sample{
		requestsPerSecond: requests / elapsed.Seconds(),
		tokensPerRequest:  float64(all.tokens) / requests,
		firstP50:          float64(all.first.ValueAtPercentile(50)),
		firstP99:          float64(all.first.ValueAtPercentile(99)),
		gapP50:            float64(all.gap.ValueAtPercentile(50)),
		gapP99:            float64(all.gap.ValueAtPercentile(99)),
		cpuPerRequest:     float64(cpu.Microseconds()) / requests,
	}, nil
}

// run asks until the time is over; a request that has begun is finished, and
// counted, for leaving it out would favour the slow.
func (t *tally) run(ctx context.Context, a asker, until time.Time, maxTokens int) {
	for first := true; first || time.Now().Before(until); first = false {
		sent := time.Now()
		var last time.Time
		tokens, err := a.ask(ctx, nextPrompt(), maxTokens, func() {
			now := time.Now()
			if last.IsZero() {
				t.record(t.first, now.Sub(sent))
			} else {
				t.record(t.gap, now.Sub(last))
			}
			last = now
		})
		if err != nil {
			t.err = err
			return
		}
		t.requests++
		t.tokens += tokens
	}
}

func (t *tally) record(h *hdrhistogram.Histogram, d time.Duration) {
	_ = h.RecordValue(min(max(d.Microseconds(), 1), longest)) // within its range: no error
}
