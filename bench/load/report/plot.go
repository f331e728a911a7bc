package report

import (
	"errors"
	"fmt"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"inferd/bench/load"
)

// Series is one line of a plot.
type Series struct {
	Name   string
	Points plotter.XYs
}

// Chart says what a plot shows.
type Chart struct {
	Title, X, Y string
	// LogX and LogY make the axes logarithmic; points that are not positive are
	// left out then.
	LogX, LogY bool
	Series     []Series
}

// Size of a plot.
const (
	plotWidth  = 8 * vg.Inch
	plotHeight = 5 * vg.Inch
)

// palette is readable for the colour-blind (Okabe and Ito).
var palette = []color.RGBA{
	{0, 114, 178, 255},
	{213, 94, 0, 255},
	{0, 158, 115, 255},
	{204, 121, 167, 255},
	{230, 159, 0, 255},
	{86, 180, 233, 255},
	{0, 0, 0, 255},
}

// errNothingToPlot: a plot needs results that differ in what it is drawn over.
var errNothingToPlot = errors.New(
	"nothing to plot: give --sweep-rate or --sweep-conns at least two values")

// Save draws the chart into a file; its ending (png, svg, pdf) is the format.
func (c *Chart) Save(path string) error {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = c.Title, c.X, c.Y
	p.BackgroundColor = color.White
	p.Legend.Top, p.Legend.Left = true, true
	p.Add(plotter.NewGrid())
	if c.LogX {
		p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, powersOf(2)
	}
	if c.LogY {
		p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
	} else {
		p.Y.Min = 0
	}
	drawn := 0
	for i, series := range c.Series {
		points := c.drawable(series.Points)
		if len(points) == 0 {
			continue
		}
		line, marks, err := plotter.NewLinePoints(points)
		if err != nil {
			return fmt.Errorf("plot %s: %w", series.Name, err)
		}
		line.Color = palette[i%len(palette)]
		line.Width = vg.Points(1.5)
		marks.Color, marks.Shape = line.Color, draw.CircleGlyph{}
		p.Add(line, marks)
		p.Legend.Add(series.Name, line, marks)
		drawn += len(points)
	}
	if drawn < 2 {
		return errNothingToPlot
	}
	if err := p.Save(plotWidth, plotHeight, path); err != nil {
		return fmt.Errorf("plot: %w", err)
	}
	return nil
}

// HasLine reports whether any series has two points to draw a line between.
func (c *Chart) HasLine() bool {
	return slices.ContainsFunc(c.Series, func(s Series) bool {
		return len(c.drawable(s.Points)) >= 2
	})
}

// drawable leaves out what a logarithmic axis cannot show.
func (c *Chart) drawable(points plotter.XYs) plotter.XYs {
	return slices.DeleteFunc(slices.Clone(points), func(p plotter.XY) bool {
		return c.LogX && p.X <= 0 || c.LogY && p.Y <= 0 || math.IsNaN(p.X+p.Y)
	})
}

// powersOf puts ticks on an axis at the powers of a base.
type powersOf int

// Ticks implements plot.Ticker.
func (base powersOf) Ticks(low, high float64) []plot.Tick {
	b := float64(base)
	first := math.Floor(math.Log(low) / math.Log(b))
	last := math.Ceil(math.Log(high) / math.Log(b))
	var ticks []plot.Tick
	for e := first; e <= last; e++ {
		v := math.Pow(b, e)
		if v < low*0.999 || v > high*1.001 {
			continue
		}
		ticks = append(ticks, plot.Tick{Value: v, Label: fmt.Sprintf("%g", v)})
	}
	return ticks
}

// LatencyChart shows latency over offered load.
func LatencyChart(title string, results []*load.Result) *Chart {
	over := func(y func(*load.Result) float64) plotter.XYs {
		var points plotter.XYs
		for _, r := range results {
			points = append(points, plotter.XY{X: r.Offered, Y: y(r)})
		}
		return points
	}
	return &Chart{
		Title: title, X: "offered load (requests/s)", Y: "milliseconds", LogY: true,
		Series: []Series{
			{"first token p50", over(func(r *load.Result) float64 { return r.TTFT.P50 })},
			{"first token p99", over(func(r *load.Result) float64 { return r.TTFT.P99 })},
			{"whole answer p50", over(func(r *load.Result) float64 { return r.E2E.P50 })},
			{"whole answer p99", over(func(r *load.Result) float64 { return r.E2E.P99 })},
			{"whole answer p99.9", over(func(r *load.Result) float64 { return r.E2E.P999 })},
		},
	}
}

// ConnsChart shows the server's processor time per request over the number of
// connections or, where no server was measured, the rate of answers.
func ConnsChart(title string, results []*load.Result) *Chart {
	chart := &Chart{Title: title, X: "connections", Y: "server CPU per request (us)", LogX: true}
	var cost, rate plotter.XYs
	for _, r := range results {
		rate = append(rate, plotter.XY{X: float64(r.Conns), Y: r.RPS})
		if r.Server != nil {
			cost = append(cost, plotter.XY{X: float64(r.Conns), Y: r.Server.USPerRequest})
		}
	}
	if len(cost) == len(rate) && len(cost) > 0 {
		chart.Series = []Series{{"us/request", cost}}
		return chart
	}
	chart.Y = "answers/s"
	chart.Series = []Series{{"answers/s", rate}}
	return chart
}
