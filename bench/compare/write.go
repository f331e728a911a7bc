package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gonum.org/v1/plot/plotter"

	"inferd/bench/load"
	"inferd/bench/load/report"
)

// write puts the table, the data and the plots into a directory.
func (f *findings) write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	data, err := json.MarshalIndent(f, "", " ")
	if err != nil {
		return err
	}
	path := filepath.Join(dir, "results.json")
	if err := os.WriteFile(path, append(data, '\n'), 0o644); err != nil {
		return err
	}
	drawn, err := f.plots(dir)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "table.md"), []byte(f.markdown(drawn)), 0o644)
}

// markdown is the report for people.
func (f *findings) markdown(plots []drawing) string {
	var b strings.Builder
	pin := "not pinned"
	if f.Pinned {
		pin = "server and client pinned to a core each (both on all cores in step-2-cores)"
	}
	_, _ = fmt.Fprintf(&b, `# Benchmarks

Written by `+"`%s`"+` on %s; do not edit.

Machine: %s, %d cores, %s, %s/%s, %s. Commit %s.
%d rounds, %g s each, servers interleaved, %s. The load generator is
inferd-bench, closed loop unless said otherwise; every request is answered with
eight tokens and a done frame. Costs are the server process's processor time.

## Targets

| group | what | where | ours | peer | value | must | ambitious | verdict |
|---|---|---|---|---|---|---|---|---|
`, f.Command, f.Taken.Format("2006-01-02"), f.Machine.CPU, f.Machine.Cores, f.Machine.Kernel,
		f.Machine.OS, f.Machine.Arch, f.Machine.Go, f.Machine.Commit, f.Rounds, f.Seconds, pin)
	for _, v := range f.Verdicts {
		_, _ = fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", v.Group, v.What,
			v.Where, withUnit(v.Ours, v.Unit), withUnit(v.Peer, v.Unit), figure(v.Value),
			v.limit(v.Must), v.limit(v.Ambitious), v.outcome())
	}
	b.WriteString("\n## Every server\n\nMiddle of the rounds.\n\n" +
		"| group | transport | connections | server | us/request | us/frame | answers/s | " +
		"p50 ms | p99 ms | generator cores |\n|---|---|---|---|---|---|---|---|---|---|\n")
	for _, m := range f.middle() {
		r := m.Result
		_, _ = fmt.Fprintf(&b, "| %s | %s | %d | %s | %.3f | %.3f | %.0f | %s | %s | %.2f |\n",
			m.Group, m.Transport, m.Conns, m.Server, r.Server.USPerRequest, r.Server.USPerFrame,
			r.AnswerRate, figure(latencyOf(r).P50), figure(latencyOf(r).P99), r.ClientCPU)
	}
	for _, plot := range plots {
		_, _ = fmt.Fprintf(&b, "\n## %s\n\n![%s](%s)\n", plot.title, plot.title, plot.file)
	}
	return b.String()
}

// latencyOf is the answers' latency, or the refusals' where there is no answer.
func latencyOf(r *load.Result) load.Latency {
	if r.Done == 0 {
		return r.Reject
	}
	return r.E2E
}

// limit prints a target with its direction; "-" if there is none.
func (v *verdict) limit(value float64) string {
	switch {
	case value == 0:
		return "-"
	case v.AtLeast:
		return "≥ " + figure(value)
	default:
		return "≤ " + figure(value)
	}
}

func withUnit(value float64, unit string) string {
	if value == 0 {
		return "-"
	}
	return figure(value) + " " + unit
}

// figure prints a number with about three digits.
func figure(v float64) string {
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

// middle picks of each scenario and server the run in the middle of the rounds.
func (f *findings) middle() []measurement {
	type key struct {
		group, transport string
		conns            int
		server           string
	}
	runs := map[key][]measurement{}
	var order []key
	for _, m := range f.Measurements {
		k := key{m.Group, m.Transport, m.Conns, m.Server}
		if runs[k] == nil {
			order = append(order, k)
		}
		runs[k] = append(runs[k], m)
	}
	var middle []measurement
	for _, k := range order {
		var costs []float64
		for _, m := range runs[k] {
			costs = append(costs, m.Result.Server.USPerRequest)
		}
		at := slices.Index(costs, median(costs))
		middle = append(middle, runs[k][at])
	}
	return middle
}

// drawing is one plot that was written.
type drawing struct{ title, file string }

// plots draws what was measured and returns what there is to show.
func (f *findings) plots(dir string) ([]drawing, error) {
	charts := map[string]*report.Chart{
		"cpu-uds.png":    f.costChart("uds"),
		"cpu-tcp.png":    f.costChart("tcp"),
		"growth-uds.png": f.growthChart(),
	}
	if len(f.Latency) > 1 {
		charts["latency-uds.png"] = report.LatencyChart(
			"Latency over offered load, UDS, open loop", f.Latency)
	}
	var drawn []drawing
	for _, file := range slices.Sorted(maps.Keys(charts)) {
		chart := charts[file]
		if !chart.HasLine() {
			continue
		}
		if err := chart.Save(filepath.Join(dir, file)); err != nil {
			return nil, err
		}
		drawn = append(drawn, drawing{chart.Title, file})
	}
	return drawn, nil
}

// costChart shows the burst group's cost per request over the connections.
func (f *findings) costChart(transport string) *report.Chart {
	chart := &report.Chart{
		Title: "CPU per request over connections, " + strings.ToUpper(transport),
		X:     "connections", Y: "server CPU per request (us)", LogX: true,
	}
	for _, server := range []string{"inferd", "gnet", "std", "std-frame", "sonic-frame"} {
		chart.Series = append(chart.Series, report.Series{
			Name: server,
			Points: f.points(groupBurst, transport, server,
				func(r *load.Result) float64 { return r.Server.USPerRequest }),
		})
	}
	return chart
}

// growthChart shows the cost of a frame over the streams that run together.
func (f *findings) growthChart() *report.Chart {
	return &report.Chart{
		Title: "CPU per frame over streaming connections, UDS",
		X:     "connections", Y: "server CPU per frame (us)", LogX: true,
		Series: []report.Series{{
			Name: "inferd, stepping engine",
			Points: f.points(groupGrowth, "uds", "inferd",
				func(r *load.Result) float64 { return r.Server.USPerFrame }),
		}},
	}
}

func (f *findings) points(
	group, transport, server string, y func(*load.Result) float64,
) plotter.XYs {
	var points plotter.XYs
	for _, m := range f.middle() {
		if m.Group == group && m.Transport == transport && m.Server == server {
			points = append(points, plotter.XY{X: float64(m.Conns), Y: y(m.Result)})
		}
	}
	return points
}
