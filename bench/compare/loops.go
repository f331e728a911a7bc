package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"inferd/bench/load"
)

// loopConns are the connections of all generators together.
var loopConns = []int{64, 1024}

// loopRun is one server with a number of event loops under full load.
type loopRun struct {
	loopCase
	Rate      float64 `json:"answers_rps"`
	Cost      float64 `json:"us_per_request"`
	Cores     float64 `json:"server_cores"` // that the server kept busy
	SpeedUp   float64 `json:"speed_up"`     // over one loop
	ClientCPU float64 `json:"client_cpu"`   // of the busiest generator
	Doubtful  bool    `json:"generator_doubtful,omitempty"`
}

// loopCase is what is run: one row of the table.
type loopCase struct {
	Engine    string `json:"engine"` // burst or step
	Transport string `json:"transport"`
	Conns     int    `json:"conns"` // of all generators together
	Server    string `json:"server"`
	Loops     int    `json:"loops"`
}

// loopPlan says which cores are whose and what numbers of loops are tried.
type loopPlan struct {
	server  string   // cores as taskset takes them; empty: not pinned
	clients []string // one generator on each
	loops   []int
}

// planLoops gives the server the first half of the cores and each of the others
// a generator, and tries up to two loops a core. Fewer than four cores show
// nothing; anyway (for tests) runs them unpinned all the same.
func planLoops(cores []int, anyway bool) (loopPlan, error) {
	if anyway {
		return loopPlan{clients: []string{""}, loops: []int{1, 2}}, nil
	}
	if len(cores) < 4 {
		return loopPlan{}, fmt.Errorf("loops: skipped: more than one loop needs 4 cores, %d for the"+
			" server and as many for the load; %d can be used here", 2, len(cores))
	}
	half := len(cores) / 2
	plan := loopPlan{server: coreList(cores[:half])}
	for _, core := range cores[half:] {
		plan.clients = append(plan.clients, strconv.Itoa(core))
	}
	for n := 1; n <= min(2*half, maxLoops); n *= 2 {
		plan.loops = append(plan.loops, n)
	}
	return plan, nil
}

// coreList is what taskset takes.
func coreList(cores []int) string {
	var text []string
	for _, core := range cores {
		text = append(text, strconv.Itoa(core))
	}
	return strings.Join(text, ",")
}

// loopKinds are the servers of an engine's row with n loops.
func loopKinds(engine string, n int) []serverKind {
	loops := strconv.Itoa(n)
	if engine == groupStep {
		peer := gnetNine
		peer.loops = n
		return []serverKind{{Name: "inferd", args: func(conns int) []string {
			return inferdArgs(conns, "--mock-token-delay", "1ns", "--loops", loops)
		}}, peer}
	}
	peer := gnetOne
	peer.loops = n
	return []serverKind{{Name: "inferd", args: func(int) []string {
		return inferdArgs(n, "--loops", loops) // as many workers as loops
	}}, peer}
}

// loopTable measures inferd and raw gnet with 1, 2, 4, … loops, round by round.
func (e *environment) loopTable(ctx context.Context, o options) ([]loopRun, error) {
	plan, err := planLoops(e.cores, o.loopsAnyway)
	if err != nil {
		progress("%v", err)
		e.note("%v", err)
		return nil, nil
	}
	var rounds [][]loopRun
	for range o.rounds {
		runs, err := e.loopRound(ctx, o, plan)
		if err != nil {
			return nil, err
		}
		rounds = append(rounds, runs)
	}
	runs := middleOf(rounds)
	speedUps(runs)
	return runs, nil
}

// loopRound runs every case once.
func (e *environment) loopRound(
	ctx context.Context, o options, plan loopPlan,
) (runs []loopRun, err error) {
	for _, engine := range []string{groupBurst, groupStep} {
		for _, tcp := range []bool{false, true} {
			for _, conns := range loopConns {
				for _, n := range plan.loops {
					for _, kind := range loopKinds(engine, n) {
						r, err := e.loopRun(ctx, o, plan, kind, tcp, conns)
						if err != nil {
							return nil, fmt.Errorf("%s with %d loops: %w", kind.Name, n, err)
						}
						progress("loops   %s %s c=%-4d %-6s %2d loops %8.3f us/request %9.0f/s", engine,
							r.Transport, conns, kind.Name, n, r.Server.USPerRequest, r.AnswerRate)
						runs = append(runs, loopRun{
							loopCase: loopCase{engine, r.Transport, conns, kind.Name, n},
							Rate:     r.AnswerRate, Cost: r.Server.USPerRequest, Cores: r.Server.CPU,
							ClientCPU: r.ClientCPU, Doubtful: doubtful(r),
						})
					}
				}
			}
		}
	}
	return runs, nil
}

// middleOf picks of each case the run with the middle rate of the rounds, which
// have the same cases in the same order.
func middleOf(rounds [][]loopRun) []loopRun {
	var middle []loopRun
	for i := range rounds[0] {
		var rates []float64
		for _, runs := range rounds {
			rates = append(rates, runs[i].Rate)
		}
		middle = append(middle, rounds[slices.Index(rates, median(rates))][i])
	}
	return middle
}

// speedUps relates each run to the one of the same server with one loop.
func speedUps(runs []loopRun) {
	one := map[loopCase]float64{}
	for i := range runs {
		r := &runs[i]
		k := r.loopCase
		k.Loops = 1
		if r.Loops == 1 {
			one[k] = r.Rate
		}
		r.SpeedUp = quotient(r.Rate, one[k])
	}
}

// loopRun puts the load of all generators on one server.
func (e *environment) loopRun(
	ctx context.Context, o options, plan loopPlan, kind serverKind, tcp bool, conns int,
) (*load.Result, error) {
	s, err := e.startServer(ctx, kind, tcp, conns, plan.server)
	if err != nil {
		return nil, err
	}
	defer s.stop()
	type outcome struct {
		result *load.Result
		err    error
	}
	outcomes := make(chan outcome, len(plan.clients))
	for _, core := range plan.clients {
		go func() {
			results, err := e.generate(ctx, s, core,
				"--conns", strconv.Itoa(max(1, conns/len(plan.clients))),
				"--warmup", o.warmup.String(), "--duration", o.duration.String())
			if err != nil {
				outcomes <- outcome{err: err}
				return
			}
			outcomes <- outcome{result: results[0]}
		}()
	}
	var results []*load.Result
	for range plan.clients {
		got := <-outcomes
		if got.err != nil {
			err = got.err
			continue
		}
		results = append(results, got.result)
	}
	if err != nil {
		return nil, err
	}
	return together(results), nil
}

// together adds up what generators that ran at the same time saw of one server:
// each measured all of its processor time, but only its own answers.
func together(results []*load.Result) *load.Result {
	sum := &load.Result{Transport: results[0].Transport, Server: &load.Server{}}
	for _, r := range results {
		sum.Conns += r.Conns
		sum.AnswerRate += r.AnswerRate
		sum.Warnings = append(sum.Warnings, r.Warnings...)
		sum.ClientCPU = max(sum.ClientCPU, r.ClientCPU)
		sum.Server.CPU += r.Server.CPU / float64(len(results))
	}
	sum.Server.USPerRequest = 1e6 * quotient(sum.Server.CPU, sum.AnswerRate)
	return sum
}
