package report

import (
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
	row("load", "%s, %s, %.2f s", StepName(r.Conns, 0), loop, r.Seconds)
	row("requests", "%s", requests(r))
	if r.Interrupted {
		row("", "INTERRUPTED: the run ended before its time")
	}
	if r.Repeats != nil {
		row("repeats", "%s", repeats(r.Repeats))
	}
	row("answers", "%d done (%.0f/s), %d refused, %d failed%s",
		r.Done, r.RPS, r.Rejected, r.Failed(), errorList(r.Errors))
	if n := r.DoneAfter + r.RejectedAfter + r.FailedAfter(); n > 0 {
		row("", "after the measured time: %d done, %d refused, %d failed%s",
			r.DoneAfter, r.RejectedAfter, r.FailedAfter(), errorList(r.ErrorsAfter))
	}
	if r.HungUp+r.Unfinished+r.Unsent > 0 {
		row("", "%d abandoned on purpose, %d unfinished, %d never sent",
			r.HungUp, r.Unfinished, r.Unsent)
	}
	if r.Problem != "" {
		row("PROBLEM", "%s", r.Problem)
	}
	row("stream", "%.0f tokens/s, %.0f frames/s, %.2f MB/s", r.TokenRate, r.FrameRate,
		float64(r.Bytes)/r.Seconds/1e6)
	if r.SLO != (load.SLO{}) {
		row("goodput", "%.0f/s, %.2f%% of what was due, within%s",
			r.Goodput, 100*r.GoodShare, objective(r.SLO))
	}
	if s := r.Server; s != nil {
		row("server", "%.3f us/request, %.3f us/frame, %.2f cores, %.1f MB resident%s",
			s.USPerRequest, s.USPerFrame, s.CPU, float64(s.RSSBytes)/1e6, children(s.Children))
	}
	row("generator", "%s", generator(r))
	for _, warning := range r.Warnings {
		row("WARNING", "%s", warning)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	return latencies(w, r)
}

// requests describes what was sent.
func requests(r *load.Result) string {
	text := "prompts of " + r.Prompt + " bytes"
	if r.MaxTokens != "" {
		text += ", max_tokens " + r.MaxTokens
	}
	if r.SlowShare > 0 {
		text += fmt.Sprintf(", %g of the connections read %g bytes/s", r.SlowShare, r.SlowRate)
	}
	if r.HangUpShare > 0 {
		text += fmt.Sprintf(", %g abandoned", r.HangUpShare)
	}
	return text + fmt.Sprintf(", warm-up %g s, seed %d", r.Warmup, r.Seed)
}

// repeats says which of several runs this is.
func repeats(r *load.Repeats) string {
	if r.Compared == 0 {
		return fmt.Sprintf("%d runs", r.Runs)
	}
	return fmt.Sprintf("%d runs, the last %d within %.1f%%; this is the middle one of these",
		r.Runs, r.Compared, 100*r.Spread)
}

func children(n int) string {
	switch n {
	case 0:
		return ""
	case 1:
		return " (with 1 child process)"
	default:
		return fmt.Sprintf(" (with %d child processes)", n)
	}
}

// generator says what the load generator itself took and how punctual it was.
func generator(r *load.Result) string {
	text := fmt.Sprintf("%.2f cores, waited for a processor %.1f%% of the time (%.0f us each)",
		r.ClientCPU, 100*r.ClientWait, r.MeanWait)
	if r.SendLate.Count > 0 {
		text += fmt.Sprintf(", sent %s ms late (p99)", ms(r.SendLate.P99))
	}
	return text
}

// latencies writes the table of percentiles; nothing if there are none.
func latencies(w io.Writer, r *load.Result) error {
	if r.TTFT.Count+r.InterToken.Count+r.E2E.Count+r.Reject.Count == 0 {
		return nil
	}
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
