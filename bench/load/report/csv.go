package report

import (
	"encoding/csv"
	"io"
	"strconv"

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
	{"ttft_p50_ms", number(func(r *load.Result) float64 { return r.TTFT.P50 })},
	{"ttft_p99_ms", number(func(r *load.Result) float64 { return r.TTFT.P99 })},
	{"ttft_p999_ms", number(func(r *load.Result) float64 { return r.TTFT.P999 })},
	{"inter_token_p50_ms", number(func(r *load.Result) float64 { return r.InterToken.P50 })},
	{"inter_token_p99_ms", number(func(r *load.Result) float64 { return r.InterToken.P99 })},
	{"inter_token_p999_ms", number(func(r *load.Result) float64 { return r.InterToken.P999 })},
	{"e2e_p50_ms", number(func(r *load.Result) float64 { return r.E2E.P50 })},
	{"e2e_p99_ms", number(func(r *load.Result) float64 { return r.E2E.P99 })},
	{"e2e_p999_ms", number(func(r *load.Result) float64 { return r.E2E.P999 })},
	{"reject_p50_ms", number(func(r *load.Result) float64 { return r.Reject.P50 })},
	{"reject_p99_ms", number(func(r *load.Result) float64 { return r.Reject.P99 })},
	{"client_cpu", number(func(r *load.Result) float64 { return r.ClientCPU })},
	{"server_us_per_request", server(func(s *load.Server) float64 { return s.USPerRequest })},
	{"server_us_per_frame", server(func(s *load.Server) float64 { return s.USPerFrame })},
	{"server_cpu", server(func(s *load.Server) float64 { return s.CPU })},
	{"server_rss_bytes", server(func(s *load.Server) float64 { return float64(s.RSSBytes) })},
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
