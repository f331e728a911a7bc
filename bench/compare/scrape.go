package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
)

// The series that are read.
const (
	mallocsSeries  = "go_memstats_mallocs_total"
	tokensSeries   = `inferd_tokens_total{kind="completion"}`
	refusedSeries  = `inferd_rejected_total{reason="queue_full"}`
	rejectSeconds  = "inferd_reject_seconds"
	bucketOfPrefix = `_bucket{le="`
)

// series are a daemon's metrics at one time, by name with labels.
type series map[string]float64

// scrape reads the metrics of a daemon that was started with them.
func (s *server) scrape(ctx context.Context) (series, error) {
	ctx, cancel := context.WithTimeout(ctx, scrapeTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet,
		"http://"+s.metrics+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("metrics: %s", response.Status)
	}
	return parseSeries(response.Body)
}

// parseSeries reads Prometheus' text format as far as the daemon uses it.
func parseSeries(r io.Reader) (series, error) {
	all := series{}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		line := lines.Text()
		end := strings.LastIndexByte(line, ' ')
		if end < 0 || line[0] == '#' {
			continue
		}
		value, err := strconv.ParseFloat(line[end+1:], 64)
		if err != nil {
			return nil, fmt.Errorf("metrics: %q: %w", line, err)
		}
		all[line[:end]] = value
	}
	return all, lines.Err()
}

// since is what counters and histograms grew by.
func (s series) since(before series) series {
	grown := series{}
	for name, value := range s {
		grown[name] = value - before[name]
	}
	return grown
}

// quantile is the upper bound of the histogram's bucket that holds quantile q.
func (s series) quantile(histogram string, q float64) (float64, error) {
	rank := q * s[histogram+"_count"]
	bound := math.Inf(1)
	for name, below := range s {
		rest, ok := strings.CutPrefix(name, histogram+bucketOfPrefix)
		if !ok || below < rank {
			continue
		}
		le, err := strconv.ParseFloat(strings.TrimSuffix(rest, `"}`), 64)
		if err != nil {
			return 0, fmt.Errorf("metrics: %q: %w", name, err)
		}
		bound = min(bound, le)
	}
	if rank <= 0 || math.IsInf(bound, 1) {
		return 0, fmt.Errorf("metrics: %s has no quantile %g within its buckets", histogram, q)
	}
	return bound, nil
}
