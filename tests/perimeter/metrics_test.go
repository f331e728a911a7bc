package perimeter

import (
	"net/http"
	"strings"
	"testing"

	"inferd/internal/metrics"
	"inferd/tests/harness"
	"inferd/tests/reliability/observe"
)

// TestMetrics_EveryNameIsServed and is documented in place.
func TestMetrics_EveryNameIsServed(t *testing.T) {
	t.Parallel()
	d := harness.StartMock(t, "--metrics-addr", "127.0.0.1:0")
	answers(t, d)
	all := observe.Scrape(t, d)
	for _, m := range metrics.Catalog() {
		name, found := m.Name, false
		for series := range all {
			base, _, _ := strings.Cut(series, "{")
			found = found || base == name || base == name+"_count"
		}
		if !found {
			t.Errorf("no series of %s", name)
		}
	}
}

// TestMetrics_AtWork: what a scrape says while one request runs, one waits and one
// was refused.
func TestMetrics_AtWork(t *testing.T) {
	t.Parallel()
	d := harness.StartMock(t, "--metrics-addr", "127.0.0.1:0", "--mock-tokens", "100000",
		"--mock-token-delay", "50ms", "--active-permits", "1", "--queue-depth", "1",
		"--tcp", "127.0.0.1:0")
	admin := observe.Dial(t, d)
	a, b, c := d.Dial(t), d.Dial(t), d.DialTCP(t)
	a.Send(harness.Ask("a"))
	a.Frame()
	b.Send(harness.Ask("b"))
	admin.Await(t, "one waiting", func(s observe.Stats) bool { return s.Queued == 1 })
	c.Send(harness.Ask("c"))
	if f := c.Last(); f.Outcome() != "queue_full" {
		t.Fatalf("%+v", f)
	}
	all := observe.Scrape(t, d)
	for series, want := range map[string]float64{
		"inferd_active": 1, "inferd_queue_depth": 1, "inferd_queue_capacity": 2,
		"inferd_connections": 3, `inferd_connections_total{transport="unix"}`: 2,
		`inferd_connections_total{transport="tcp"}`:  1,
		`inferd_rejected_total{reason="queue_full"}`: 1,
		"inferd_reject_seconds_count":                1,
	} {
		if got := all[series]; got != want {
			t.Errorf("%s is %v, want %v", series, got, want)
		}
	}
}

// TestMetrics_Move: each request moves what it should, and only that.
func TestMetrics_Move(t *testing.T) {
	t.Parallel()
	d := harness.StartMock(t, "--metrics-addr", "127.0.0.1:0", "--mock-tokens", "3")
	admin := observe.Dial(t, d)
	a, c := d.Dial(t), d.Dial(t)
	for _, id := range []string{"a", "b"} {
		a.Send(harness.Ask(id))
		a.Last()
	}
	c.Send(`{"messages":[]}` + "\n")
	if f := c.Last(); f.Outcome() != "invalid_request" {
		t.Errorf("%+v", f)
	}
	c.Send("nonsense\n")
	c.Frame()
	c.EOF()
	_ = a.Close()
	_ = c.Close()
	admin.Await(t, "both closed", func(s observe.Stats) bool { return s.Connections == 0 })
	after := observe.Scrape(t, d)
	for series, want := range map[string]float64{
		"inferd_active": 0, "inferd_queue_depth": 0, "inferd_connections": 0,
		`inferd_requests_total{wire="v1",outcome="done"}`:          2,
		`inferd_requests_total{wire="v1",outcome="rejected"}`:      2,
		`inferd_rejected_total{reason="invalid_request"}`:          2,
		`inferd_tokens_total{kind="completion"}`:                   6,
		`inferd_connections_closed_total{reason="client_closed"}`:  1,
		`inferd_connections_closed_total{reason="protocol_error"}`: 1,
		"inferd_queue_wait_seconds_count":                          2,
		"inferd_time_to_first_token_seconds_count":                 2,
		"inferd_inter_token_seconds_count":                         4,
		"inferd_request_duration_seconds_count":                    2,
		"inferd_reject_seconds_count":                              0,
		`inferd_breaker_state{backend="mock"}`:                     0,
		"inferd_log_dropped_total":                                 0,
		"inferd_panics_total":                                      0,
	} {
		if got, ok := after[series]; got != want || !ok {
			t.Errorf("%s is %v (%v), want %v", series, got, ok, want)
		}
	}
}

// TestMetrics_Access: off by default, loopback unless forced, and no name but a
// local one.
func TestMetrics_Access(t *testing.T) {
	t.Parallel()
	plain := harness.StartMock(t)
	for _, l := range plain.Log() {
		if strings.Contains(l, "metrics listener") {
			t.Errorf("metrics without being asked for: %s", l)
		}
	}
	code, stderr := harness.StartExpectExit(t, "--backend", "mock", "--metrics-addr", "0.0.0.0:0")
	if code == 0 || !strings.Contains(stderr, "loopback") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	forced := harness.StartMock(t, "--metrics-addr", "0.0.0.0:0", "--metrics-allow-remote")
	observe.MetricsAddr(t, forced)

	d := harness.StartMock(t, "--metrics-addr", "127.0.0.1:0")
	addr := observe.MetricsAddr(t, d)
	get := func(path, host string) int {
		t.Helper()
		req, err := http.NewRequest(http.MethodGet, "http://"+addr+path, nil)
		must(t, err)
		if host != "" {
			req.Host = host
		}
		resp, err := http.DefaultClient.Do(req)
		must(t, err)
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	for _, c := range []struct {
		path, host string
		want       int
	}{
		{"/metrics", "", 200},
		{"/metrics", "localhost", 200},
		{"/healthz", "", 200},
		{"/metrics", "evil.example", 421},
		{"/", "", 404},
		{"/debug/pprof/", "", 404},
	} {
		if got := get(c.path, c.host); got != c.want {
			t.Errorf("GET %s as %q: %d, want %d", c.path, c.host, got, c.want)
		}
	}
}
