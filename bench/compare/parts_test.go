package main

import (
	"math"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"inferd/bench/load"
)

// TestSettle: a partial report never takes the place of the whole one, and a
// group that does not exist is said to be none.
func TestSettle(t *testing.T) {
	f := func(o options, outSet bool, want string) {
		t.Helper()
		if o.out == "" {
			o.out = "docs/benchmarks"
		}
		o.rounds = 1
		if err := o.settle(outSet); err != nil || o.out != want {
			t.Errorf("%+v: %q, %v, want %q", o, o.out, err, want)
		}
	}
	f(options{}, false, "docs/benchmarks")
	f(options{only: []string{groupBurst}}, false, "")
	f(options{short: true}, false, "")
	f(options{only: []string{groupBurst, groupLines}, out: "x"}, true, "x")
	f(options{short: true, out: "x"}, true, "x")
	f(options{only: []string{groupProfiles}, out: "x"}, true, "x")
	fail := func(o options, want string) {
		t.Helper()
		if err := o.settle(false); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", o, err, want)
		}
	}
	fail(options{}, "0 rounds")
	fail(options{rounds: 1, only: []string{groupBurst, "bursts"}}, `"bursts": want some of burst, step, `)
	fail(options{rounds: 1, only: []string{groupProfiles}}, "--out")
}

// TestEveryScenarioHasAKnownGroup: else --only could not choose it.
func TestEveryScenarioHasAKnownGroup(t *testing.T) {
	for _, s := range append(scenarios(false), scenarios(true)...) {
		if !slices.Contains(groups, s.Group) {
			t.Errorf("%s is not in groups", &s)
		}
	}
}

func TestProfiled(t *testing.T) {
	names := map[string]bool{}
	for _, s := range profiled() {
		names[s.String()] = true
		if len(s.Servers) != 1 || s.Servers[0].Name != "inferd" {
			t.Errorf("%s: %v", &s, s.Servers)
		}
	}
	for _, want := range []string{
		"burst uds c=64", "burst tcp c=8192", "step tcp c=1024", "step-2-cores tcp c=64",
		"reject uds c=1024",
	} {
		if !names[want] {
			t.Errorf("%s has no profile", want)
		}
	}
}

const exposition = `# HELP inferd_reject_seconds Time from taking up a line.
# TYPE inferd_reject_seconds histogram
inferd_reject_seconds_bucket{le="5e-06"} 50
inferd_reject_seconds_bucket{le="1e-05"} 98
inferd_reject_seconds_bucket{le="2e-05"} 99
inferd_reject_seconds_bucket{le="+Inf"} 100
inferd_reject_seconds_sum 0.001
inferd_reject_seconds_count 100
inferd_tokens_total{kind="completion"} 800

go_memstats_mallocs_total 20061
`

func TestParseSeries(t *testing.T) {
	all, err := parseSeries(strings.NewReader(exposition))
	if err != nil || len(all) != 8 || all[tokensSeries] != 800 || all[mallocsSeries] != 20061 {
		t.Errorf("%v, %v", all, err)
	}
	grown := all.since(series{tokensSeries: 300})
	if grown[tokensSeries] != 500 || grown[mallocsSeries] != 20061 {
		t.Errorf("grown %v", grown)
	}
	if _, err := parseSeries(strings.NewReader("x y\n")); err == nil {
		t.Error("a value that is no number was read")
	}
}

func TestQuantile(t *testing.T) {
	all, err := parseSeries(strings.NewReader(exposition))
	if err != nil {
		t.Fatal(err)
	}
	f := func(q, want float64) {
		t.Helper()
		if got, err := all.quantile(rejectSeconds, q); err != nil || got != want {
			t.Errorf("quantile %g: %g, %v, want %g", q, got, err, want)
		}
	}
	f(0.10, 5e-06)
	f(0.50, 5e-06)
	f(0.51, 1e-05)
	f(0.99, 2e-05)
	for _, s := range []series{all, {}} { // beyond the buckets, and nothing in them
		if got, err := s.quantile(rejectSeconds, 0.999); err == nil {
			t.Errorf("quantile 0.999: %g", got)
		}
	}
}

// TestRefusalTimes: the server's time is the bound of its bucket, the client's
// the middle round's.
func TestRefusalTimes(t *testing.T) {
	server, err := parseSeries(strings.NewReader(exposition))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := refusalTimes("uds", []*load.Result{
		{Reject: load.Latency{P50: 1, P99: 7}},
		{Reject: load.Latency{P50: 2, P99: 9}},
		{Reject: load.Latency{P50: 3, P99: 8}},
	}, server)
	if err != nil {
		t.Fatal(err)
	}
	var got []float64
	for _, row := range rows {
		got = append(got, row.Value)
	}
	if want := []float64{0.005, 2, 0.02, 8}; !slices.EqualFunc(got, want, func(a, b float64) bool {
		return math.Abs(a-b) < 1e-12
	}) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestIdleRoom(t *testing.T) {
	f := func(limit uint64, want int) {
		t.Helper()
		if got := idleRoom(limit, 1000); got != want {
			t.Errorf("limit %d: %d, want %d", limit, got, want)
		}
	}
	f(20_000, 17_800)
	f(4096, 1896)
	f(1<<63, maxDescriptors-2200)
	f(1024, 0)
}

func TestPlanLoops(t *testing.T) {
	f := func(cores []int, server string, clients, loops int) {
		t.Helper()
		plan, err := planLoops(cores, false)
		if err != nil || plan.server != server || len(plan.clients) != clients ||
			len(plan.loops) != loops {
			t.Errorf("%v: %+v, %v", cores, plan, err)
		}
	}
	f([]int{2, 3, 8, 9}, "2,3", 2, 3) // 1, 2, 4
	f([]int{0, 1, 2, 3, 4, 5, 6}, "0,1,2", 4, 3)
	f(make([]int, 64), strings.Repeat("0,", 31)+"0", 32, 5) // 1 to 16
	for _, few := range [][]int{nil, {0}, {0, 1, 2}} {
		if plan, err := planLoops(few, false); err == nil {
			t.Errorf("%v: %+v", few, plan)
		}
		if plan, err := planLoops(few, true); err != nil || len(plan.loops) != 2 {
			t.Errorf("%v: %+v, %v", few, plan, err)
		}
	}
}

func TestSpeedUps(t *testing.T) {
	runs := []loopRun{
		{loopCase: loopCase{Engine: "burst", Server: "inferd", Loops: 1}, Rate: 100},
		{loopCase: loopCase{Engine: "burst", Server: "gnet", Loops: 1}, Rate: 200},
		{loopCase: loopCase{Engine: "burst", Server: "inferd", Loops: 2}, Rate: 180},
		{loopCase: loopCase{Engine: "step", Server: "inferd", Loops: 2}, Rate: 180}, // without a first
	}
	speedUps(runs)
	for i, want := range []float64{1, 1, 1.8, 0} {
		if runs[i].SpeedUp != want {
			t.Errorf("%+v, want %g", runs[i], want)
		}
	}
}

func TestCoresFor(t *testing.T) {
	f := func(cores []int, two bool, server, client string) {
		t.Helper()
		e := &environment{cores: cores, serverCore: "4", clientCore: "5"}
		if s, c := e.coresFor(scenario{TwoCores: two}); s != server || c != client {
			t.Errorf("%v: server %q, client %q", cores, s, c)
		}
	}
	f([]int{4, 5, 6, 7}, false, "4", "5")
	f([]int{4, 5, 6, 7}, true, "4,5", "6")
	f([]int{4, 5}, true, "", "") // shared
	f(nil, true, "", "")
}

// TestMiddleOf: each case's own middle counts.
func TestMiddleOf(t *testing.T) {
	at := func(a, b float64) []loopRun { return []loopRun{{Rate: a}, {Rate: b}} }
	runs := middleOf([][]loopRun{at(1, 20), at(3, 10), at(2, 30)})
	if len(runs) != 2 || runs[0].Rate != 2 || runs[1].Rate != 20 {
		t.Errorf("%+v", runs)
	}
}

// TestTogether: two generators saw the same processor time and different
// answers.
func TestTogether(t *testing.T) {
	sum := together([]*load.Result{
		{Conns: 512, AnswerRate: 30_000, ClientCPU: 0.5, Server: &load.Server{CPU: 0.9}},
		{Conns: 512, AnswerRate: 20_000, ClientCPU: 0.9, Server: &load.Server{CPU: 1.1}},
	})
	if sum.Conns != 1024 || sum.AnswerRate != 50_000 || sum.Server.USPerRequest != 20 ||
		!doubtful(sum) {
		t.Errorf("%+v %+v", sum, sum.Server)
	}
}

func TestPaired(t *testing.T) {
	us := func(r *load.Result) float64 { return r.E2E.P50 }
	at := func(values ...float64) (results []*load.Result) {
		for _, v := range values {
			results = append(results, &load.Result{E2E: load.Latency{P50: v}})
		}
		return results
	}
	rounds := [2][]*load.Result{at(3, 30, 4), at(2, 25, 2)}
	if a, b, ratio := paired(rounds, us, quotient); a != 4 || b != 2 || ratio != 1.5 {
		t.Errorf("%v %v %v", a, b, ratio)
	}
	if _, _, more := paired(rounds, us, difference); more != 2 {
		t.Errorf("difference %v", more)
	}
}

func TestModuleVersion(t *testing.T) {
	info := &debug.BuildInfo{Deps: []*debug.Module{
		{Path: "a", Version: "v1"},
		{Path: "b", Version: "v2", Replace: &debug.Module{Path: "fork", Version: "v3"}},
	}}
	for path, want := range map[string]string{"a": "v1", "b": "fork v3", "c": unknown} {
		if got := moduleVersion(info, path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	if got := memory("24117248 kB"); got != "23.0 GiB" {
		t.Errorf("memory %s", got)
	}
	if got := memory(unknown); got != unknown {
		t.Errorf("memory %s", got)
	}
}

func TestCommit(t *testing.T) {
	info := &debug.BuildInfo{Settings: []debug.BuildSetting{
		{Key: "vcs.revision", Value: "0123456789abcdef"}, {Key: "vcs.modified", Value: "true"},
	}}
	if got := commit(info); got != "0123456-dirty" {
		t.Errorf("commit %s", got)
	}
}

func TestBaselineArgs(t *testing.T) {
	k := stdPaced(pace)
	k.loops = 2
	want := "--kind std-frame --loops 2 --delay 2ms"
	if got := strings.Join(k.baselineArgs(), " "); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestDoubtfulRunsAreMarked: in the targets, among the loops and among the
// servers; and what was left out is said.
func TestDoubtfulRunsAreMarked(t *testing.T) {
	busy := run(groupReject, "uds", 64, "gnet-reject", 0, 2)
	busy.Result.ClientCPU = 0.9
	warned := run(groupBurst, "uds", 64, "gnet", 0, 2)
	warned.Result.Warnings = []string{"the generator waited: really"}
	f := &findings{
		Measurements: []measurement{
			run(groupReject, "uds", 64, "inferd", 0, 3), busy,
			run(groupBurst, "uds", 64, "inferd", 0, 3), warned,
			run(groupBurst, "tcp", 64, "inferd", 0, 3), run(groupBurst, "tcp", 64, "gnet", 0, 2),
		},
		Loops: []loopRun{{
			loopCase: loopCase{Engine: "burst", Transport: "uds", Server: "gnet", Loops: 2},
			Doubtful: true,
		}},
		Notes: []string{"loops: skipped"},
	}
	f.Verdicts = judge(f.Measurements)
	text := f.markdown(nil)
	for _, want := range []string{
		`| uds, 64 conns \* | 3.00 us/request | 2.00 us/request | 1.50 | ≤ 1.30 |`,
		`| uds, 64 conns \* | 3.00 us/request | 2.00 us/request | 1.50 | ≤ 1.50 |`,
		`| tcp, 64 conns | 3.00 us/request |`,
		`| gnet-reject | 2.000 | 0.222 | 5000 \* |`,
		`| gnet | 2 | 0 \* |`,
		"\n- loops: skipped\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if got := oddities(warned.Result); got != "  (the generator waited)" {
		t.Errorf("oddities %q", got)
	}
}
