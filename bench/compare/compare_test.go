package main

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"inferd/bench/load"
	"inferd/codec"
)

// run makes a measurement with one figure.
func run(group, transport string, conns int, server string, round int, us float64) measurement {
	return measurement{group, transport, conns, server, round, &load.Result{
		Done: 1000, AnswerRate: 5000, E2E: load.Latency{Count: 1000, P50: 1, P99: 2},
		Server: &load.Server{USPerRequest: us, USPerFrame: us / 9},
	}}
}

// TestJudgePairsRounds: a round in which the whole machine was slow does not
// change the ratio.
func TestJudgePairsRounds(t *testing.T) {
	all := []measurement{
		run(groupBurst, "uds", 64, "inferd", 0, 3), run(groupBurst, "uds", 64, "gnet", 0, 2),
		run(groupBurst, "uds", 64, "inferd", 1, 30), run(groupBurst, "uds", 64, "gnet", 1, 25),
		run(groupBurst, "uds", 64, "inferd", 2, 4), run(groupBurst, "uds", 64, "gnet", 2, 2),
		run(groupStep, "uds", 64, "inferd", 0, 100), // no peer: no verdict
	}
	verdicts := judge(all)
	if len(verdicts) != 1 {
		t.Fatalf("%d verdicts: %+v", len(verdicts), verdicts)
	}
	v := verdicts[0]
	if v.Value != 1.5 || v.Ours != 4 || v.Peer != 2 || v.Where != "uds, 64 conns" {
		t.Errorf("%+v", v)
	}
	if v.outcome() != "pass" {
		t.Errorf("outcome %s at the limit", v.outcome())
	}
}

func TestOutcome(t *testing.T) {
	f := func(v verdict, want string) {
		t.Helper()
		if got := v.outcome(); got != want {
			t.Errorf("%+v: %s, want %s", v, got, want)
		}
	}
	f(verdict{Value: 1.2, Must: 1.5, Ambitious: 1.3}, "pass, ambitious")
	f(verdict{Value: 1.4, Must: 1.5, Ambitious: 1.3}, "pass")
	f(verdict{Value: 1.6, Must: 1.5, Ambitious: 1.3}, "MISS")
	f(verdict{Value: 12, Must: 15}, "pass")
	f(verdict{Value: 0.96, Must: 0.95, AtLeast: true}, "pass")
	f(verdict{Value: 0.90, Must: 0.95, AtLeast: true}, "MISS")
	f(verdict{Value: 0.90}, "for information")
}

func TestMedian(t *testing.T) {
	f := func(want float64, values ...float64) {
		t.Helper()
		if got := median(values); got != want {
			t.Errorf("median(%v) = %v, want %v", values, got, want)
		}
	}
	f(1, 1)
	f(1, 2, 1)
	f(2, 3, 1, 2)
}

// TestEveryComparisonIsRun: a target that no scenario feeds would vanish from
// the table without anybody noticing.
func TestEveryComparisonIsRun(t *testing.T) {
	var all []measurement
	for _, s := range scenarios(false) {
		for _, kind := range s.Servers {
			all = append(all, run(s.Group, s.transport(), s.Conns, kind.Name, 0, 1))
		}
	}
	want := 0
	for _, c := range comparisons {
		if c.transport == "" {
			want += 2 * len(c.conns)
		} else {
			want += len(c.conns)
		}
	}
	if got := len(judge(all)); got != want {
		t.Errorf("%d verdicts of all scenarios, want %d", got, want)
	}
}

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	f := &findings{
		Command: "go run ./bench/compare", Rounds: 2, Seconds: 1, Pinned: true,
		Measurements: []measurement{
			run(groupBurst, "uds", 64, "inferd", 0, 3), run(groupBurst, "uds", 64, "gnet", 0, 2),
			run(groupBurst, "uds", 64, "inferd", 1, 5), run(groupBurst, "uds", 64, "gnet", 1, 2),
			run(groupBurst, "uds", 1024, "inferd", 0, 3), run(groupBurst, "uds", 1024, "gnet", 0, 2),
		},
	}
	f.Verdicts = judge(f.Measurements)
	if err := f.write(dir); err != nil {
		t.Fatal(err)
	}
	table, err := os.ReadFile(filepath.Join(dir, "table.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| burst | burst vs raw gnet, one write | uds, 64 conns | 3.00 us/request | 2.00 us/request" +
			" | 1.50 | ≤ 1.50 | ≤ 1.30 | pass |",
		"| burst | uds | 64 | inferd | 3.000 | 0.333 | 5000 | 1.00 | 2.00 | 0.00 |",
		"![CPU per request over connections, UDS](cpu-uds.png)",
	} {
		if !strings.Contains(string(table), want) {
			t.Errorf("table.md lacks %q:\n%s", want, table)
		}
	}
	for _, name := range []string{"results.json", "cpu-uds.png"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "cpu-tcp.png")); err == nil {
		t.Error("a plot without data was drawn")
	}
}

func TestFigure(t *testing.T) {
	f := func(v float64, want string) {
		t.Helper()
		if got := figure(v); got != want {
			t.Errorf("figure(%v) = %s, want %s", v, got, want)
		}
	}
	f(0, "0.000")
	f(1./6, "0.167")
	f(1.5, "1.50")
	f(12.34, "12.3")
	f(1536, "1536")
	f(math.Pi, "3.14")
	f(-67.584, "-67.6")
}

// TestLongLine: the line has the length asked for and is a request.
func TestLongLine(t *testing.T) {
	for _, size := range []int{1 << 10, 1<<10 + 7, 1 << 20} {
		line := longLine(size)
		if len(line) != size+1 || line[size] != '\n' {
			t.Fatalf("%d bytes, want %d and a newline", len(line), size)
		}
		r, err := codec.NewDecoder().Decode(line[:size])
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(r.Messages[0].Content, "\n"); n < size/5 {
			t.Errorf("%d escapes in %d bytes", n, size)
		}
	}
}
