package report

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"inferd/bench/load"
)

// Text writes one result for people.
func Text(w io.Writer, r *load.Result) error {
	table := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		_, _ = fmt.Fprintf(table, "%s\t%s\n", name, fmt.Sprintf(format, args...))
	}
	if r.Label != "" {
		row("run", "%s", r.Label)
	}
	row("target", "%s", r.Target)
	loop := "closed loop"
	if r.Loop == "open" {
		loop = fmt.Sprintf("open loop, %.6g requests/s offered, %s", r.Offered, r.Arrivals)
	}
	row("load", "%d connections, %s, %.2f s", r.Conns, loop, r.Seconds)
	row("answers", "%d done (%.0f/s), %d refused, %d failed%s",
		r.Done, r.RPS, r.Rejected, r.Failed(), errorList(r.Errors))
	if r.HungUp+r.Unfinished+r.Unsent > 0 {
		row("", "%d abandoned on purpose, %d unfinished, %d never sent",
			r.HungUp, r.Unfinished, r.Unsent)
	}
	row("stream", "%.0f tokens/s, %.0f frames/s, %.2f MB/s", r.TokenRate, r.FrameRate,
		float64(r.Bytes)/r.Seconds/1e6)
	if r.SLO != (load.SLO{}) {
		row("goodput", "%.0f/s, %.2f%% of what was due, within%s",
			r.Goodput, 100*r.GoodShare, objective(r.SLO))
	}
	if s := r.Server; s != nil {
		row("server", "%.3f us/request, %.3f us/frame, %.2f cores, %.1f MB resident",
			s.USPerRequest, s.USPerFrame, s.CPU, float64(s.RSSBytes)/1e6)
	}
	row("generator", "%.2f cores%s", r.ClientCPU, busyWarning(r))
	if err := table.Flush(); err != nil {
		return err
	}
	return latencies(w, r)
}

// latencies writes the table of percentiles.
func latencies(w io.Writer, r *load.Result) error {
	table := tabwriter.NewWriter(w, 0, 4, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(table, "\nms\tmean\tp50\tp90\tp99\tp99.9\tmax\tn\t")
	for _, l := range []struct {
		name string
		load.Latency
	}{
		{"first token", r.TTFT},
		{"between tokens", r.InterToken},
		{"whole answer", r.E2E},
		{"refusal", r.Reject},
	} {
		if l.Count == 0 {
			continue
		}
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%d\t\n", l.name,
			ms(l.Mean), ms(l.P50), ms(l.P90), ms(l.P99), ms(l.P999), ms(l.Max), l.Count)
	}
	return table.Flush()
}

// ms prints milliseconds with three significant digits or whole microseconds.
func ms(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	case v >= 1:
		return fmt.Sprintf("%.2f", v)
	default:
		return fmt.Sprintf("%.3f", v)
	}
}

func busyWarning(r *load.Result) string {
	if !r.ClientBusy() {
		return ""
	}
	return "  (WARNING: nearly a core: rates and latencies may be the generator's own limits)"
}

func errorList(errors map[string]int64) string {
	if len(errors) == 0 {
		return ""
	}
	var parts []string
	for name, n := range errors {
		parts = append(parts, fmt.Sprintf("%s %d", name, n))
	}
	slices.Sort(parts)
	return ": " + strings.Join(parts, ", ")
}

func objective(slo load.SLO) string {
	var parts []string
	if slo.TTFT > 0 {
		limit := slo.TTFT.Round(time.Microsecond)
		parts = append(parts, fmt.Sprintf(" %v to the first token", limit))
	}
	if slo.E2E > 0 {
		parts = append(parts, fmt.Sprintf(" %v to the last", slo.E2E.Round(time.Microsecond)))
	}
	return strings.Join(parts, " and")
}

// Table writes several results as one line each.
func Table(w io.Writer, results []*load.Result) error {
	table := tabwriter.NewWriter(w, 0, 4, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(table, "conns\toffered/s\tdone/s\tgood/s\trefused\tfailed\t"+
		"ttft p50\tp99\te2e p50\tp99\tp99.9 ms\tus/req\tgenerator\t")
	for _, r := range results {
		perRequest := "-"
		if r.Server != nil {
			perRequest = fmt.Sprintf("%.3f", r.Server.USPerRequest)
		}
		offered := "-"
		if r.Offered > 0 {
			offered = fmt.Sprintf("%.0f", r.Offered)
		}
		_, _ = fmt.Fprintf(table, "%d\t%s\t%.0f\t%.0f\t%d\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%.2f\t\n",
			r.Conns, offered, r.RPS, r.Goodput, r.Rejected, r.Failed(),
			ms(r.TTFT.P50), ms(r.TTFT.P99), ms(r.E2E.P50), ms(r.E2E.P99), ms(r.E2E.P999),
			perRequest, r.ClientCPU)
	}
	return table.Flush()
}

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

// Benchstat writes each result as a line that benchstat reads.
func Benchstat(w io.Writer, results []*load.Result) error {
	for _, r := range results {
		name := fmt.Sprintf("Benchmark%s/%s/%s/c=%d", cmp.Or(benchName(r.Label), "Inferd"),
			r.Transport, r.Loop, r.Conns)
		if r.Offered > 0 {
			name += fmt.Sprintf("/rate=%.6g", r.Offered)
		}
		perAnswer := 0.0
		if r.AnswerRate > 0 {
			perAnswer = 1e9 / r.AnswerRate
		}
		_, err := fmt.Fprintf(w,
			"%s %d %.1f ns/op %.1f req/s %.1f frames/s %.4f p50-ms %.4f p99-ms",
			name, r.Done+r.Rejected, perAnswer, r.AnswerRate, r.FrameRate, r.E2E.P50, r.E2E.P99)
		if r.Server != nil && err == nil {
			_, err = fmt.Fprintf(w, " %.4f cpu-us/req %.4f cpu-us/frame", r.Server.USPerRequest,
				r.Server.USPerFrame)
		}
		if err == nil {
			_, err = fmt.Fprintln(w)
		}
		if err != nil {
			return err
		}
	}
	return nil
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
