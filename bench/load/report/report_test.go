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
		ClientCPU: 0.85,
		Server:    &load.Server{PID: 7, CPU: 0.5, USPerRequest: 3.25, USPerFrame: 0.361, RSSBytes: 12_500_000},
	}
}

func TestText(t *testing.T) {
	var b strings.Builder
	if err := Text(&b, sample()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"64 connections, open loop, 2000 requests/s offered, poisson, 2.00 s",
		"3900 done (1950/s), 100 refused, 3 failed: connection lost 1, internal 2",
		"0 abandoned on purpose, 5 unfinished, 0 never sent",
		"1900/s, 95.00% of what was due, within 100ms to the last",
		"3.250 us/request, 0.361 us/frame, 0.50 cores, 12.5 MB resident",
		"0.85 cores  (WARNING",
		"first token  1.00  0.500  2.00  12.3    123  200  3900",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, b.String())
		}
	}
	if strings.Contains(b.String(), "refusal") {
		t.Errorf("an empty distribution is shown:\n%s", b.String())
	}
}

func TestBenchstat(t *testing.T) {
	closed := sample()
	closed.Label, closed.Loop, closed.Offered, closed.Server = "", "closed", 0, nil
	var b strings.Builder
	if err := Benchstat(&b, []*load.Result{sample(), closed}); err != nil {
		t.Fatal(err)
	}
	want := "BenchmarkStep_one/uds/open/c=64/rate=2000 4000 500000.0 ns/op 2000.0 req/s " +
		"17550.0 frames/s 1.2500 p50-ms 20.0000 p99-ms 3.2500 cpu-us/req 0.3610 cpu-us/frame\n" +
		"BenchmarkInferd/uds/closed/c=64 4000 500000.0 ns/op 2000.0 req/s 17550.0 frames/s " +
		"1.2500 p50-ms 20.0000 p99-ms\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}

func TestCSV(t *testing.T) {
	without := sample()
	without.Server = nil
	var b strings.Builder
	if err := CSV(&b, []*load.Result{sample(), without}); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	if len(lines) != 3 {
		t.Fatalf("%d lines, want a header and two", len(lines))
	}
	for i, line := range lines {
		if n := strings.Count(line, ",") + 1; n != len(columns) {
			t.Errorf("line %d has %d columns, want %d", i, n, len(columns))
		}
	}
	if !strings.HasPrefix(lines[1], "step one,uds,open,64,2000,2,3900,100,3,") {
		t.Errorf("line %s", lines[1])
	}
	if !strings.HasSuffix(lines[1], "3.25,0.361,0.5,1.25e+07") || !strings.HasSuffix(lines[2], ",,,,") {
		t.Errorf("server columns:\n%s\n%s", lines[1], lines[2])
	}
}

func TestJSONRoundTrip(t *testing.T) {
	var b strings.Builder
	if err := JSON(&b, []*load.Result{sample()}); err != nil {
		t.Fatal(err)
	}
	var got load.Result
	if err := json.Unmarshal([]byte(b.String()), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sample(), &got); diff != "" {
		t.Error(diff)
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
	err := LatencyChart("empty", []*load.Result{{}}).Save(filepath.Join(t.TempDir(), "x.png"))
	if !errors.Is(err, errNothingToPlot) {
		t.Errorf("empty chart: %v", err)
	}
}
