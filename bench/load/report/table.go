package report

import (
	"fmt"
	"io"
	"text/tabwriter"

	"inferd/bench/load"
)

// Table writes several results as one line each. A line with a mark behind it
// has warnings or a problem, which follow below the table.
func Table(w io.Writer, results []*load.Result) error {
	table := tabwriter.NewWriter(w, 0, 4, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(table, "conns\toffered/s\tdone/s\tgood/s\trefused\tfailed\t"+
		"ttft p50\tp99\tgap p50\tp99\te2e p50\tp99\tp99.9 ms\tus/req\tgenerator\t\t")
	for _, r := range results {
		perRequest := "-"
		if r.Server != nil && r.Server.USPerRequest > 0 {
			perRequest = fmt.Sprintf("%.3f", r.Server.USPerRequest)
		}
		offered := "-"
		if r.Offered > 0 {
			offered = fmt.Sprintf("%.6g", r.Offered)
		}
		_, _ = fmt.Fprintf(table, "%d\t%s\t%.0f\t%.0f\t%d\t%d\t%s\t%s\t%s\t%s\t%s\t%.2f\t%s\t\n",
			r.Conns, offered, r.RPS, r.Goodput, r.Rejected, r.Failed(),
			cells(r.TTFT), cells(r.InterToken), cells(r.E2E), cell(r.E2E, r.E2E.P999),
			perRequest, r.ClientCPU, mark(r))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	return notes(w, results)
}

// cell is one latency of a distribution, which has none if it is empty.
func cell(l load.Latency, v float64) string {
	if l.Count == 0 {
		return "-"
	}
	return ms(v)
}

func cells(l load.Latency) string { return cell(l, l.P50) + "\t" + cell(l, l.P99) }

func mark(r *load.Result) string {
	if len(remarks(r)) == 0 {
		return ""
	}
	return "!"
}

// remarks are what must be known besides the figures of a line.
func remarks(r *load.Result) []string {
	var all []string
	if r.Interrupted {
		all = append(all, fmt.Sprintf("interrupted after %.2f s", r.Seconds))
	}
	if r.Problem != "" {
		all = append(all, r.Problem)
	}
	return append(all, r.Warnings...)
}

// notes writes the remarks on each marked line.
func notes(w io.Writer, results []*load.Result) error {
	for _, r := range results {
		for _, remark := range remarks(r) {
			if _, err := fmt.Fprintf(w, "! %s: %s\n", StepName(r.Conns, r.Offered), remark); err != nil {
				return err
			}
		}
	}
	return nil
}

// StepName tells the steps of a sweep apart; the closed loop has no rate.
func StepName(conns int, rate float64) string {
	name := fmt.Sprintf("%d connections", conns)
	if conns == 1 {
		name = "1 connection"
	}
	if rate > 0 {
		name += fmt.Sprintf(" at %.6g/s", rate)
	}
	return name
}
