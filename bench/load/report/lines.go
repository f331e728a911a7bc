package report

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"inferd/bench/load"
)

// JSON writes each result as one line.
func JSON(w io.Writer, results []*load.Result) error {
	encoder := json.NewEncoder(w)
	for _, r := range results {
		if err := encoder.Encode(r); err != nil {
			return err
		}
	}
	return nil
}

// Benchstat writes each result as a line that benchstat reads: several of the
// same name are what it computes its variance from. An interrupted run gets a
// line before it that says so, and one without answers such a line only, which
// benchstat passes over: it would take zeros for measured.
func Benchstat(w io.Writer, results []*load.Result) error {
	for _, r := range results {
		if r.Interrupted {
			if _, err := fmt.Fprintf(w, "# interrupted after %.2f s:\n", r.Seconds); err != nil {
				return err
			}
		}
		name := fmt.Sprintf("Benchmark%s/%s/%s/c=%d", cmp.Or(benchName(r.Label), "Inferd"),
			r.Transport, r.Loop, r.Conns)
		if r.Offered > 0 {
			name += fmt.Sprintf("/rate=%.6g", r.Offered)
		}
		if r.AnswerRate == 0 {
			if _, err := fmt.Fprintf(w, "# %s: nothing was answered\n", name); err != nil {
				return err
			}
			continue
		}
		line := fmt.Sprintf("%s %d %.1f ns/op %.1f req/s %.1f frames/s",
			name, r.Done+r.Rejected, 1e9/r.AnswerRate, r.AnswerRate, r.FrameRate)
		line += benchLatency("", r.E2E) + benchLatency("ttft-", r.TTFT) +
			benchLatency("gap-", r.InterToken)
		if r.Server != nil {
			line += fmt.Sprintf(" %.4f cpu-us/req %.4f cpu-us/frame",
				r.Server.USPerRequest, r.Server.USPerFrame)
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}

// benchLatency gives the percentiles of a distribution, or nothing if it is
// empty.
func benchLatency(unit string, l load.Latency) string {
	if l.Count == 0 {
		return ""
	}
	return fmt.Sprintf(" %.4f %sp50-ms %.4f %sp99-ms %.4f %sp99.9-ms",
		l.P50, unit, l.P99, unit, l.P999, unit)
}

// benchName makes a benchmark's name of a label: letters and digits, the first
// of them upper case.
func benchName(label string) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, label)
	if name == "" {
		return ""
	}
	return strings.ToUpper(name[:1]) + name[1:]
}
