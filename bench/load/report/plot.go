package report

import (
	"cmp"
	"errors"
	"fmt"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

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

// Size of a plot, the legend at its right side included.
const (
	plotWidth  = 10 * vg.Inch
	plotHeight = 5 * vg.Inch
	legendGap  = vg.Inch / 8
	// legendDrop keeps the legend below the title's line.
	legendDrop = vg.Inch / 2
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

// dashes and glyphs tell lines apart that lie on each other: the upper one is
// thinner and its gaps show the lower one, and the marks are outlines of different
// shapes.
var (
	dashes = [][]vg.Length{
		nil,
		{vg.Points(8), vg.Points(3)},
		{vg.Points(3), vg.Points(3)},
		{vg.Points(8), vg.Points(3), vg.Points(2), vg.Points(3)},
		{vg.Points(1), vg.Points(4)},
	}
	glyphs = []draw.GlyphDrawer{
		draw.RingGlyph{},
		draw.CrossGlyph{},
		draw.SquareGlyph{},
		draw.PlusGlyph{},
		draw.TriangleGlyph{},
	}
)

// ErrNothingToPlot: a plot needs results that differ in what it is drawn over.
var ErrNothingToPlot = errors.New(
	"nothing to plot: give --sweep-rate or --sweep-conns at least two values")

// CheckFormat reports whether [Chart.Save] can write a file of this name.
func CheckFormat(path string) error {
	if _, err := newCanvas(path); err != nil {
		return fmt.Errorf("plot %s: %w: want .png, .svg or .pdf", path, err)
	}
	return nil
}

func newCanvas(path string) (vg.CanvasWriterTo, error) {
	format := strings.TrimPrefix(strings.ToLower(filepath.Ext(path)), ".")
	return draw.NewFormattedCanvas(plotWidth, plotHeight, format)
}

// Save draws the chart into a file; its ending (png, svg, pdf) is the format.
func (c *Chart) Save(path string) error {
	canvas, err := newCanvas(path)
	if err != nil {
		return fmt.Errorf("plot %s: %w", path, err)
	}
	if err := c.draw(draw.New(canvas)); err != nil {
		return err
	}
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("plot: %w", err)
	}
	_, err = canvas.WriteTo(file)
	if err := cmp.Or(err, file.Close()); err != nil {
		return fmt.Errorf("plot %s: %w", path, err)
	}
	return nil
}

// draw puts the legend beside the plot, where it hides no data.
func (c *Chart) draw(canvas draw.Canvas) error {
	p := c.axes()
	legend := plot.NewLegend()
	legend.Top, legend.Left, legend.Padding = true, true, vg.Points(4)
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
		line.Width, line.Dashes = lineWidth(i), dashes[i%len(dashes)]
		marks.Color, marks.Shape, marks.Radius = line.Color, glyphs[i%len(glyphs)], vg.Points(3.5)
		p.Add(line, marks)
		legend.Add(series.Name, line, marks)
		drawn += len(points)
	}
	if drawn < 2 {
		return ErrNothingToPlot
	}
	if c.LogX && p.X.Min == p.X.Max { // gonum would extend the axis to zero
		p.X.Min, p.X.Max = p.X.Min/2, p.X.Max*2
	}
	if c.LogY {
		wholeDecades(&p.Y)
	}
	canvas.SetColor(color.White)
	canvas.Fill(canvas.Rectangle.Path())
	box := legend.Rectangle(canvas)
	width := box.Max.X - box.Min.X + 2*legendGap
	p.Draw(draw.Crop(canvas, 0, -width, 0, 0))
	legend.Draw(draw.Crop(canvas, plotWidth-width+legendGap, 0, 0, -legendDrop))
	return nil
}

// lineWidth is the less the later a line is drawn.
func lineWidth(i int) vg.Length { return vg.Points(max(1, 3-0.5*float64(i))) }

// wholeDecades extends an axis to powers of ten, which are the ticks with a
// label, so that there are two at least.
func wholeDecades(axis *plot.Axis) {
	low, high := math.Floor(math.Log10(axis.Min)), math.Ceil(math.Log10(axis.Max))
	axis.Min, axis.Max = math.Pow(10, low), math.Pow(10, max(high, low+1))
}

// axes is the plot without its lines.
func (c *Chart) axes() *plot.Plot {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = c.Title, c.X, c.Y
	p.BackgroundColor = color.White
	p.Add(plotter.NewGrid())
	if c.LogX {
		p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, powersOf(2)
	}
	if c.LogY {
		p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, decades{}
	} else {
		p.Y.Min = 0
	}
	return p
}

// HasLine reports whether any series has two points to draw a line between.
func (c *Chart) HasLine() bool {
	return slices.ContainsFunc(c.Series, func(s Series) bool {
		return len(c.drawable(s.Points)) >= 2
	})
}

// drawable is points from left to right, without what a logarithmic axis cannot
// show.
func (c *Chart) drawable(points plotter.XYs) plotter.XYs {
	points = slices.DeleteFunc(slices.Clone(points), func(p plotter.XY) bool {
		return c.LogX && p.X <= 0 || c.LogY && p.Y <= 0 || math.IsNaN(p.X+p.Y)
	})
	slices.SortStableFunc(points, func(a, b plotter.XY) int { return cmp.Compare(a.X, b.X) })
	return points
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

// decades puts labelled ticks at the powers of ten and plain ones between them;
// plot.LogTicks leaves out those below 1.
type decades struct{}

// Ticks implements plot.Ticker.
func (decades) Ticks(low, high float64) []plot.Tick {
	ticks := powersOf(10).Ticks(low, high)
	for _, labelled := range ticks {
		for k := 2.0; k < 10 && k*labelled.Value < high; k++ {
			ticks = append(ticks, plot.Tick{Value: k * labelled.Value})
		}
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
	// Percentiles that may be the same, as of answers that come at once, are drawn
	// with different lines and marks.
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
