package main

import (
	"cmp"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"gonum.org/v1/plot/plotter"

	"inferd/bench/load"
	"inferd/bench/load/report"
)

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

// costChart shows the cost per request of the burst engine over the connections.
func (f *findings) costChart(transport string) *report.Chart {
	chart := &report.Chart{
		Title: "CPU per request over connections, " + strings.ToUpper(transport),
		X:     "connections", Y: "server CPU per request (us)", LogX: true,
	}
	for _, server := range []string{"inferd", "gnet", "std", "std-frame", "sonic-frame"} {
		chart.Series = append(chart.Series, report.Series{
			Name: server,
			Points: f.points(transport, server,
				func(r *load.Result) float64 { return r.Server.USPerRequest }, groupBurst, groupCurve),
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
			Points: f.points("uds", "inferd",
				func(r *load.Result) float64 { return r.Server.USPerFrame }, groupGrowth),
		}},
	}
}

// points are a server's figures over the connections, of all groups that run
// it alike.
func (f *findings) points(
	transport, server string, y func(*load.Result) float64, groups ...string,
) plotter.XYs {
	var points plotter.XYs
	for _, m := range f.middle() {
		if slices.Contains(groups, m.Group) && m.Transport == transport && m.Server == server {
			points = append(points, plotter.XY{X: float64(m.Conns), Y: y(m.Result)})
		}
	}
	slices.SortFunc(points, func(a, b plotter.XY) int { return cmp.Compare(a.X, b.X) })
	return points
}
