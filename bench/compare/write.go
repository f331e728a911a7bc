package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"inferd/bench/load"
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
	f.writeHead(&b)
	f.writeTargets(&b)
	f.writeLoops(&b)
	f.writeServers(&b)
	for _, plot := range plots {
		_, _ = fmt.Fprintf(&b, "\n## %s\n\n![%s](%s)\n", plot.title, plot.title, plot.file)
	}
	return b.String()
}

func (f *findings) writeHead(b *strings.Builder) {
	pin := "not pinned"
	if f.Pinned {
		pin = "server and client pinned to a core each (step-2-cores: the server to two)"
	}
	m := f.Machine
	_, _ = fmt.Fprintf(b, `# Benchmarks

Written by `+"`%s`"+` on %s; do not edit.

Machine: %s, %d cores, %s of memory, %s, %s/%s, %s, gnet %s, sonic %s. Commit %s.
%d rounds, %g s each, servers interleaved, %s. The load generator is
inferd-bench, closed loop unless said otherwise; every request is answered with
eight tokens and a done frame. Costs are the server process's processor time.
`, f.Command, f.Taken.Format("2006-01-02"), m.CPU, m.Cores, m.Memory, m.Kernel,
		m.OS, m.Arch, m.Go, m.Gnet, m.Sonic, m.Commit, f.Rounds, f.Seconds, pin)
}

// explained is what a reader of the targets must know.
const explained = `
The daemon runs with ` + "`--queue-depth 100000`" + `, except in the group default: as it
comes, one request runs and ten wait, so of 64 clients that ask all the time most would be
refused now and then, and a refusal costs less than an answer. The group default is
the built binary with nothing but ` + "`--backend mock --mock-tokens 8`" + ` and as many
clients as fit.

The peer of the targets against net + encoding/json flushes every frame, as a
server that streams must; against the one that flushes once an answer there is no
target. A limit that is given as "-" is none: the row is there for information.

Where \* stands, the load generator had reason to doubt one of the runs: it used 0.8
of a core or more, or waited for a processor (results.json says which), and may have
been the bottleneck. Answers a second and latencies are then its own. Processor time
per request stays the server's, of a server that is not quite full: where it finds
less to do at a time it pays more for each.
`

func (f *findings) writeTargets(b *strings.Builder) {
	b.WriteString("\n## Targets\n\n" +
		"| group | what | where | ours | peer | value | must | ambitious | verdict |\n" +
		"|---|---|---|---|---|---|---|---|---|\n")
	for _, v := range f.Verdicts {
		_, _ = fmt.Fprintf(b, "| %s | %s | %s%s | %s | %s | %s | %s | %s | %s |\n", v.Group, v.What,
			v.Where, star(v.Doubtful), withUnit(v.Ours, v.Unit), withUnit(v.Peer, v.Unit),
			figure(v.Value), v.limit(v.Must), v.limit(v.Ambitious), v.outcome())
	}
	b.WriteString(explained)
	for _, note := range f.Notes {
		b.WriteString("\n- " + note + "\n")
	}
}

// star marks what the load generator may have limited.
func star(doubtful bool) string {
	if doubtful {
		return ` \*`
	}
	return ""
}

func (f *findings) writeLoops(b *strings.Builder) {
	if len(f.Loops) == 0 {
		return
	}
	b.WriteString("\n## Loops\n\nThe server has half of the cores, a load generator each of the others. " +
		"Middle of the rounds.\n\n" +
		"| engine | transport | connections | server | loops | answers/s | speed-up | us/request | " +
		"server cores | busiest generator |\n|---|---|---|---|---|---|---|---|---|---|\n")
	for _, r := range f.Loops {
		_, _ = fmt.Fprintf(b, "| %s | %s | %d | %s | %d | %.0f%s | %.2f | %.3f | %.2f | %.2f |\n",
			r.Engine, r.Transport, r.Conns, r.Server, r.Loops, r.Rate,
			star(r.Doubtful), r.SpeedUp, r.Cost, r.Cores, r.ClientCPU)
	}
}

func (f *findings) writeServers(b *strings.Builder) {
	if len(f.Measurements) == 0 {
		return
	}
	b.WriteString("\n## Every server\n\nMiddle of the rounds.\n\n" +
		"| group | transport | connections | server | us/request | us/frame | answers/s | " +
		"p50 ms | p99 ms | generator cores |\n|---|---|---|---|---|---|---|---|---|---|\n")
	for _, m := range f.middle() {
		r := m.Result
		_, _ = fmt.Fprintf(b, "| %s | %s | %d | %s | %.3f | %.3f | %.0f%s | %s | %s | %.2f |\n",
			m.Group, m.Transport, m.Conns, m.Server, r.Server.USPerRequest, r.Server.USPerFrame,
			r.AnswerRate, star(doubtful(r)), figure(latencyOf(r).P50), figure(latencyOf(r).P99),
			r.ClientCPU)
	}
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
	switch size := math.Abs(v); {
	case size >= 100:
		return fmt.Sprintf("%.0f", v)
	case size >= 10:
		return fmt.Sprintf("%.1f", v)
	case size >= 1:
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
