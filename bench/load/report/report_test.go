package report

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"

	"inferd/bench/load"
)

func sample() *load.Result {
	return &load.Result{
		Label: "step one", Target: "unix:/s", Transport: "uds", Loop: "open", Arrivals: "poisson",
		Conns: 64, Offered: 2000, Seconds: 2, Done: 3900, Rejected: 100,
		Errors: map[string]int64{"internal": 2, "connection lost": 1},
		Frames: 35100, Tokens: 31200, Bytes: 2_000_000, Unfinished: 5, RPS: 1950, AnswerRate: 2000,
		FrameRate: 17550, TokenRate: 15600, SLO: load.SLO{E2E: 100 * time.Millisecond},
		Goodput: 1900, GoodShare: 0.95,
		TTFT:      load.Latency{Count: 3900, Mean: 1, P50: 0.5, P90: 2, P99: 12.34, P999: 123.4, Max: 200},
		E2E:       load.Latency{Count: 3900, Mean: 2, P50: 1.25, P90: 3, P99: 20, P999: 150, Max: 210},
		ClientCPU: 0.85, ClientWait: 0.02, MeanWait: 12,
		Server: &load.Server{PID: 7, CPU: 0.5, USPerRequest: 3.25, USPerFrame: 0.361, RSSBytes: 12_500_000},
		Warmup: 1, Prompt: "uniform:1-9", MaxTokens: "16", Seed: 7,
	}
}

// doubtful is a run with everything that a report has to point out.
func doubtful() *load.Result {
	r := sample()
	r.Loop, r.Offered, r.Arrivals = "closed", 0, ""
	r.Interrupted, r.Problem, r.Warnings = true, "no request was answered", []string{"slow", "late"}
	r.Repeats = &load.Repeats{Runs: 5, Compared: 3, Spread: 0.021}
	r.DoneAfter, r.ErrorsAfter = 4, map[string]int64{"connection lost": 2}
	r.TTFT, r.E2E, r.Reject = load.Latency{}, load.Latency{}, load.Latency{}
	r.SlowShare, r.SlowRate, r.HangUpShare = 0.5, 100, 0.25
	r.Server.Children = 2
	return r
}

func TestText(t *testing.T) {
	text := mustText(t, sample())
	for _, want := range []string{
		"64 connections, open loop, 2000 requests/s offered, poisson, 2.00 s",
		"3900 done (1950/s), 100 refused, 3 failed: connection lost 1, internal 2",
		"0 abandoned on purpose, 5 unfinished, 0 never sent",
		"1900/s, 95.00% of what was due, within 100ms to the last",
		"3.250 us/request, 0.361 us/frame, 0.50 cores, 12.5 MB resident",
		"0.85 cores, waited for a processor 2.0% of the time (12 us each)",
		"prompts of uniform:1-9 bytes, max_tokens 16, warm-up 1 s, seed 7",
		"first token  1.00  0.500  2.00  12.3    123  200  3900",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the report lacks %q:\n%s", want, text)
		}
	}
	for _, not := range []string{"refusal", "WARNING", "PROBLEM", "INTERRUPTED", "child", "after the"} {
		if strings.Contains(text, not) {
			t.Errorf("the report has %q:\n%s", not, text)
		}
	}
}

func mustText(t *testing.T, r *load.Result) string {
	t.Helper()
	var b strings.Builder
	if err := Text(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestTextOfDoubtfulRun(t *testing.T) {
	text := mustText(t, doubtful())
	for _, want := range []string{
		"INTERRUPTED",
		"5 runs, the last 3 within 2.1%; this is the middle one",
		"after the measured time: 4 done, 0 refused, 2 failed: connection lost 2",
		"PROBLEM    no request was answered",
		"WARNING    slow",
		"WARNING    late",
		"0.5 of the connections read 100 bytes/s, 0.25 abandoned",
		"resident (with 2 child processes)",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the report lacks %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "p99.9") {
		t.Errorf("the header of an empty table is shown:\n%s", text)
	}
}

func TestBenchstat(t *testing.T) {
	closed := sample()
	closed.Label, closed.Loop, closed.Offered, closed.Server = "", "closed", 0, nil
	silent := &load.Result{Transport: "tcp", Loop: "closed", Conns: 2}
	var b strings.Builder
	if err := Benchstat(&b, []*load.Result{sample(), closed, doubtful(), silent}); err != nil {
		t.Fatal(err)
	}
	want := "BenchmarkStep_one/uds/open/c=64/rate=2000 4000 500000.0 ns/op 2000.0 req/s " +
		"17550.0 frames/s 1.2500 p50-ms 20.0000 p99-ms 150.0000 p99.9-ms 0.5000 ttft-p50-ms 12.3400 ttft-p99-ms " +
		"123.4000 ttft-p99.9-ms 3.2500 cpu-us/req 0.3610 cpu-us/frame\n" +
		"BenchmarkInferd/uds/closed/c=64 4000 500000.0 ns/op 2000.0 req/s 17550.0 frames/s " +
		"1.2500 p50-ms 20.0000 p99-ms 150.0000 p99.9-ms 0.5000 ttft-p50-ms 12.3400 ttft-p99-ms " +
		"123.4000 ttft-p99.9-ms\n" +
		"# interrupted after 2.00 s:\nBenchmarkStep_one/uds/closed/c=64 4000 500000.0 ns/op " +
		"2000.0 req/s 17550.0 frames/s 3.2500 cpu-us/req 0.3610 cpu-us/frame\n" +
		"# BenchmarkInferd/tcp/closed/c=2: nothing was answered\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}

func TestCSV(t *testing.T) {
	without := sample()
	without.Server = nil
	var b strings.Builder
	if err := CSV(&b, []*load.Result{sample(), without, doubtful()}); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	if len(lines) != 4 {
		t.Fatalf("%d lines, want a header and three", len(lines))
	}
	for i, line := range lines {
		if n := strings.Count(line, ",") + 1; n != len(columns) {
			t.Errorf("line %d has %d columns, want %d", i, n, len(columns))
		}
	}
	if !strings.HasPrefix(lines[1], "step one,uds,open,64,2000,2,3900,100,3,") {
		t.Errorf("line %s", lines[1])
	}
	if !strings.Contains(lines[1], ",0.85,3.25,0.361,0.5,1.25e+07,poisson,0,100,"+
		"connection lost=1;internal=2,15600,") || !strings.Contains(lines[2], ",0.85,,,,,poisson,") {
		t.Errorf("server columns:\n%s\n%s", lines[1], lines[2])
	}
	if want := ",1.25,20,150,,,"; !strings.Contains(lines[1], want) {
		t.Errorf("no empty columns for refusals that were not:\n%s", lines[1])
	}
	if want := ",5,0.021,true,no request was answered,slow; late"; !strings.HasSuffix(lines[3], want) {
		t.Errorf("line %s, want %s", lines[3], want)
	}
}

func TestJSONRoundTrip(t *testing.T) {
	for _, want := range []*load.Result{sample(), doubtful()} {
		var b strings.Builder
		if err := JSON(&b, []*load.Result{want}); err != nil {
			t.Fatal(err)
		}
		var got load.Result
		if err := json.Unmarshal([]byte(b.String()), &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, &got); diff != "" {
			t.Error(diff)
		}
	}
}

func TestTable(t *testing.T) {
	var b strings.Builder
	if err := Table(&b, []*load.Result{sample(), sample()}); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.String(), "\n"); n != 3 || !strings.Contains(b.String(), "3.250") {
		t.Errorf("%d lines:\n%s", n, b.String())
	}
	b.Reset()
	if err := Table(&b, []*load.Result{doubtful(), sample()}); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(b.String(), "\n")
	want := strings.Fields("64 - 1950 1900 100 3 - - - - - - - 3.250 0.85 !")
	if diff := cmp.Diff(want, strings.Fields(lines[1])); diff != "" {
		t.Error(diff)
	}
	notes := []string{
		"! 64 connections: interrupted after 2.00 s", "! 64 connections: no request was answered",
		"! 64 connections: slow", "! 64 connections: late", "",
	}
	if diff := cmp.Diff(notes, lines[3:]); diff != "" {
		t.Error(diff)
	}
}

func TestCheckFormat(t *testing.T) {
	f := func(path string, ok bool) {
		t.Helper()
		if err := CheckFormat(path); (err == nil) != ok {
			t.Errorf("%s: %v", path, err)
		}
	}
	f("x.png", true)
	f("a/b.c/X.SVG", true)
	f("x.pdf", true)
	f("x.foo", false)
	f("png", false)
	f("", false)
}

// TestLegend: it stands beside the plot, not on the data, and lines that
// coincide differ in how they are drawn.
func TestLegend(t *testing.T) {
	if len(dashes) != len(glyphs) {
		t.Errorf("%d dash patterns for %d glyphs", len(dashes), len(glyphs))
	}
	faster := sample()
	faster.Offered = 4000
	chart := LatencyChart("latency", []*load.Result{sample(), faster})
	canvas := vgimg.New(plotWidth, plotHeight)
	if err := chart.draw(draw.New(canvas)); err != nil {
		t.Fatal(err)
	}
	// The plot ends where the legend begins: the rightmost tenth is empty below
	// the legend, also of the grid.
	image := canvas.Image()
	size := image.Bounds()
	for x := size.Max.X * 9 / 10; x < size.Max.X; x++ {
		for y := size.Max.Y / 2; y < size.Max.Y; y++ {
			if r, g, b, _ := image.At(x, y).RGBA(); r+g+b < 3*0xffff {
				t.Fatalf("something is drawn below the legend at %d, %d", x, y)
			}
		}
	}
}

func TestCharts(t *testing.T) {
	faster := sample()
	faster.Offered, faster.Conns = 4000, 128
	f := func(chart *Chart, ending, magic string) {
		t.Helper()
		path := filepath.Join(t.TempDir(), "plot"+ending)
		if err := chart.Save(path); err != nil {
			t.Error(err)
			return
		}
		data, err := os.ReadFile(path)
		if err != nil || !strings.HasPrefix(string(data), magic) {
			t.Errorf("%s: %.20q, %v", ending, data, err)
		}
	}
	f(LatencyChart("latency", []*load.Result{sample(), faster}), ".png", "\x89PNG")
	f(ConnsChart("cpu", []*load.Result{sample(), faster}), ".svg", "<?xml")
	without := *faster
	without.Server = nil
	if chart := ConnsChart("rate", []*load.Result{sample(), &without}); chart.Y != "answers/s" {
		t.Errorf("without the server's time the chart shows %s", chart.Y)
	}
	same := sample() // one point twice: a logarithmic axis has no range then
	f(ConnsChart("one", []*load.Result{same, same}), ".png", "\x89PNG")
	chart := LatencyChart("sorted", []*load.Result{faster, sample()})
	if p := chart.drawable(chart.Series[0].Points); p[0].X >= p[1].X {
		t.Errorf("a line goes back: %v", p)
	}
	err := LatencyChart("empty", []*load.Result{{}}).Save(filepath.Join(t.TempDir(), "x.png"))
	if !errors.Is(err, ErrNothingToPlot) {
		t.Errorf("empty chart: %v", err)
	}
}

// TestDecades: a logarithmic axis has its labels also below 1.
func TestDecades(t *testing.T) {
	f := func(low, high float64, want string) {
		t.Helper()
		axis := plot.Axis{Min: low, Max: high}
		wholeDecades(&axis)
		var labels []string
		for _, tick := range (decades{}).Ticks(axis.Min, axis.Max) {
			if tick.Label != "" {
				labels = append(labels, tick.Label)
			}
		}
		if got := strings.Join(labels, " "); got != want {
			t.Errorf("%v to %v: labels %q, want %q", low, high, got, want)
		}
	}
	f(0.15, 3, "0.1 1 10")
	f(0.02, 0.03, "0.01 0.1")
	f(1, 1, "1 10")
	f(2, 1500, "1 10 100 1000 10000")
}
