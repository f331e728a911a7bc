package metrics

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// dashboard is the packaged Grafana dashboard.
const dashboard = "../../packaging/grafana/inferd.json"

// queries are all strings under the keys expr and query of the JSON value v.
func queries(v any) (found []string) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			found = append(found, queries(e)...)
		}
	case map[string]any:
		for key, e := range v {
			if s, ok := e.(string); ok && (key == "expr" || key == "query") && s != "prometheus" {
				found = append(found, s)
			}
			found = append(found, queries(e)...)
		}
	}
	return found
}

var (
	metricName   = regexp.MustCompile(`\b(inferd|process|go)_[a-z0-9_]+`)
	matcherLabel = regexp.MustCompile(`([a-z_]+)(?:=~|!~|!=|=)"`)
	groupLabels  = regexp.MustCompile(`\bby \(([a-z_, ]+)\)`)
)

// unknownNames are the metrics and labels of a query that nothing serves.
func unknownNames(query string, families map[string][]string) (unknown []string) {
	labels := []string{"instance", "job"}           // Prometheus adds these
	text := groupLabels.ReplaceAllString(query, "") // go_version is a label here
	for _, name := range metricName.FindAllString(text, -1) {
		known, ok := families[name]
		if !ok {
			unknown = append(unknown, name)
		}
		labels = append(labels, known...)
	}
	var used []string
	for _, m := range matcherLabel.FindAllStringSubmatch(query, -1) {
		used = append(used, m[1])
	}
	for _, m := range groupLabels.FindAllStringSubmatch(query, -1) {
		used = append(used, strings.Split(m[1], ", ")...)
	}
	for _, l := range used {
		if !slices.Contains(labels, l) {
			unknown = append(unknown, l)
		}
	}
	return unknown
}

// served maps every series name of a scrape to its labels.
func served(t *testing.T) map[string][]string {
	families := map[string][]string{}
	for line := range strings.Lines(scrape(t, full())) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		name, rest, _ := strings.Cut(line, "{")
		if rest == "" {
			name, _, _ = strings.Cut(line, " ")
		}
		for _, m := range matcherLabel.FindAllStringSubmatch(rest, -1) {
			families[name] = append(families[name], m[1])
		}
		if families[name] == nil {
			families[name] = []string{}
		}
	}
	return families
}

func TestDashboardQueriesWhatIsServed(t *testing.T) {
	raw, err := os.ReadFile(dashboard)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatalf("%s: %v", dashboard, err)
	}
	families := served(t)
	all := queries(v)
	for _, q := range all {
		if unknown := unknownNames(q, families); unknown != nil {
			t.Errorf("query %s: nothing serves %v", q, unknown)
		}
	}
	// Every metric is worth a look, or it would not be served.
	text := strings.Join(all, "\n")
	for _, m := range Catalog() {
		if !strings.Contains(text, m.Name) {
			t.Errorf("%s is on no panel", m.Name)
		}
	}
}

// TestCapacityIsOfBoth: the capacity counts permits too, so a share of it that
// leaves out what runs would never reach 100 %.
func TestCapacityIsOfBoth(t *testing.T) {
	raw, err := os.ReadFile(dashboard)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatalf("%s: %v", dashboard, err)
	}
	shares := 0
	for _, q := range queries(v) {
		of, capacity, ok := strings.Cut(q, "/")
		if !ok || !strings.Contains(capacity, queueCapacity) {
			continue
		}
		shares++
		if !strings.Contains(of, active) || !strings.Contains(of, queueDepth) {
			t.Errorf("query %s: capacity is of %s and %s together", q, active, queueDepth)
		}
	}
	if shares == 0 {
		t.Error("no panel shows how much of the capacity is in use")
	}
}

// TestUnknownNames shows that the check above can fail.
func TestUnknownNames(t *testing.T) {
	f := func(query string, want ...string) {
		t.Helper()
		if got := unknownNames(query, served(t)); !slices.Equal(got, want) {
			t.Errorf("unknownNames(%s) = %v, want %v", query, got, want)
		}
	}
	f(`sum by (outcome) (rate(inferd_requests_total{instance=~"x"}[5m]))`)
	f(`sum by (le) (rate(inferd_queue_wait_seconds_bucket[5m]))`)
	f(`inferd_queue_wait_seconds`, "inferd_queue_wait_seconds")
	f(`inferd_request_total`, "inferd_request_total")
	f(`sum by (reason) (inferd_requests_total)`, "reason")
	f(`inferd_active{wire="v1"}`, "wire")
	f(`go_nothing`, "go_nothing")
}
