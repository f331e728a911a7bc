package report

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"inferd/bench/load"
)

// columns are the columns of the CSV form. They are only ever added at the end.
var columns = []struct {
	name  string
	value func(*load.Result) string
}{
	{"label", func(r *load.Result) string { return r.Label }},
	{"transport", func(r *load.Result) string { return r.Transport }},
	{"loop", func(r *load.Result) string { return r.Loop }},
	{"conns", func(r *load.Result) string { return strconv.Itoa(r.Conns) }},
	{"offered_rps", number(func(r *load.Result) float64 { return r.Offered })},
	{"seconds", number(func(r *load.Result) float64 { return r.Seconds })},
	{"done", count(func(r *load.Result) int64 { return r.Done })},
	{"rejected", count(func(r *load.Result) int64 { return r.Rejected })},
	{"failed", count(func(r *load.Result) int64 { return r.Failed() })},
	{"hung_up", count(func(r *load.Result) int64 { return r.HungUp })},
	{"unfinished", count(func(r *load.Result) int64 { return r.Unfinished })},
	{"unsent", count(func(r *load.Result) int64 { return r.Unsent })},
	{"rps", number(func(r *load.Result) float64 { return r.RPS })},
	{"goodput_rps", number(func(r *load.Result) float64 { return r.Goodput })},
	{"good_share", number(func(r *load.Result) float64 { return r.GoodShare })},
	{"frames_per_s", number(func(r *load.Result) float64 { return r.FrameRate })},
	{"ttft_p50_ms", latency(ttft, p50)},
	{"ttft_p99_ms", latency(ttft, p99)},
	{"ttft_p999_ms", latency(ttft, p999)},
	{"inter_token_p50_ms", latency(interToken, p50)},
	{"inter_token_p99_ms", latency(interToken, p99)},
	{"inter_token_p999_ms", latency(interToken, p999)},
	{"e2e_p50_ms", latency(e2e, p50)},
	{"e2e_p99_ms", latency(e2e, p99)},
	{"e2e_p999_ms", latency(e2e, p999)},
	{"reject_p50_ms", latency(reject, p50)},
	{"reject_p99_ms", latency(reject, p99)},
	{"client_cpu", number(func(r *load.Result) float64 { return r.ClientCPU })},
	{"server_us_per_request", server(func(s *load.Server) float64 { return s.USPerRequest })},
	{"server_us_per_frame", server(func(s *load.Server) float64 { return s.USPerFrame })},
	{"server_cpu", server(func(s *load.Server) float64 { return s.CPU })},
	{"server_rss_bytes", server(func(s *load.Server) float64 { return float64(s.RSSBytes) })},
	{"arrivals", func(r *load.Result) string { return r.Arrivals }},
	{"slo_ttft_ms", milliseconds(func(r *load.Result) time.Duration { return r.SLO.TTFT })},
	{"slo_e2e_ms", milliseconds(func(r *load.Result) time.Duration { return r.SLO.E2E })},
	{"errors", func(r *load.Result) string { return codes(r.Errors) }},
	{"tokens_per_s", number(func(r *load.Result) float64 { return r.TokenRate })},
	{"sent", count(func(r *load.Result) int64 { return r.Sent })},
	{"in_flight_before", count(func(r *load.Result) int64 { return r.Before })},
	{"done_after", count(func(r *load.Result) int64 { return r.DoneAfter })},
	{"rejected_after", count(func(r *load.Result) int64 { return r.RejectedAfter })},
	{"errors_after", func(r *load.Result) string { return codes(r.ErrorsAfter) }},
	{"warmup_s", number(func(r *load.Result) float64 { return r.Warmup })},
	{"prompt_bytes", func(r *load.Result) string { return r.Prompt }},
	{"max_tokens", func(r *load.Result) string { return r.MaxTokens }},
	{"slow_reader_share", number(func(r *load.Result) float64 { return r.SlowShare })},
	{"slow_bytes_per_s", number(func(r *load.Result) float64 { return r.SlowRate })},
	{"hang_up_share", number(func(r *load.Result) float64 { return r.HangUpShare })},
	{"seed", func(r *load.Result) string { return strconv.FormatUint(r.Seed, 10) }},
	{"client_wait", number(func(r *load.Result) float64 { return r.ClientWait })},
	{"send_late_p99_ms", latency(sendLate, p99)},
	{"server_children", server(func(s *load.Server) float64 { return float64(s.Children) })},
	{"client_mean_wait_us", number(func(r *load.Result) float64 { return r.MeanWait })},
	{"runs", func(r *load.Result) string { return strconv.Itoa(runs(r)) }},
	{"spread", spread},
	{"interrupted", func(r *load.Result) string { return strconv.FormatBool(r.Interrupted) }},
	{"problem", func(r *load.Result) string { return r.Problem }},
	{"warnings", func(r *load.Result) string { return strings.Join(r.Warnings, "; ") }},
}

func ttft(r *load.Result) load.Latency       { return r.TTFT }
func interToken(r *load.Result) load.Latency { return r.InterToken }
func e2e(r *load.Result) load.Latency        { return r.E2E }
func reject(r *load.Result) load.Latency     { return r.Reject }
func sendLate(r *load.Result) load.Latency   { return r.SendLate }

func p50(l load.Latency) float64  { return l.P50 }
func p99(l load.Latency) float64  { return l.P99 }
func p999(l load.Latency) float64 { return l.P999 }

// latency is empty where nothing was measured.
func latency(
	of func(*load.Result) load.Latency, at func(load.Latency) float64,
) func(*load.Result) string {
	return func(r *load.Result) string {
		l := of(r)
		if l.Count == 0 {
			return ""
		}
		return strconv.FormatFloat(at(l), 'g', 7, 64)
	}
}

func milliseconds(value func(*load.Result) time.Duration) func(*load.Result) string {
	return number(func(r *load.Result) float64 {
		return float64(value(r)) / float64(time.Millisecond)
	})
}

// codes writes errors as "CODE=N;CODE=N", in order.
func codes(errors map[string]int64) string {
	var parts []string
	for code, n := range errors {
		parts = append(parts, fmt.Sprintf("%s=%d", code, n))
	}
	slices.Sort(parts)
	return strings.Join(parts, ";")
}

func runs(r *load.Result) int {
	if r.Repeats == nil {
		return 1
	}
	return r.Repeats.Runs
}

// spread is empty where no runs were compared.
func spread(r *load.Result) string {
	if r.Repeats == nil || r.Repeats.Compared == 0 {
		return ""
	}
	return strconv.FormatFloat(r.Repeats.Spread, 'g', 7, 64)
}

func number(value func(*load.Result) float64) func(*load.Result) string {
	return func(r *load.Result) string { return strconv.FormatFloat(value(r), 'g', 7, 64) }
}

func count(value func(*load.Result) int64) func(*load.Result) string {
	return func(r *load.Result) string { return strconv.FormatInt(value(r), 10) }
}

// server is empty where no server process was measured.
func server(value func(*load.Server) float64) func(*load.Result) string {
	return func(r *load.Result) string {
		if r.Server == nil {
			return ""
		}
		return strconv.FormatFloat(value(r.Server), 'g', 7, 64)
	}
}

// CSV writes a header and one line a result.
func CSV(w io.Writer, results []*load.Result) error {
	out := csv.NewWriter(w)
	line := make([]string, len(columns))
	for i, column := range columns {
		line[i] = column.name
	}
	if err := out.Write(line); err != nil {
		return err
	}
	for _, r := range results {
		for i, column := range columns {
			line[i] = column.value(r)
		}
		if err := out.Write(line); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}
