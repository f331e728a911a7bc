package docs_test

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"inferd/internal/activity"
	"inferd/internal/config"
	"inferd/internal/limits"
	"inferd/internal/metrics"
	"inferd/loop"
)

// update rewrites the generated parts: go test ./docs -run TestGenerated -update
var update = flag.Bool("update", false, "write the generated parts of operations.md")

const operations = "operations.md"

// generated are the parts of operations.md that the code dictates.
func generated(t *testing.T) map[string]string {
	t.Helper()
	var settings strings.Builder
	if err := config.WriteMarkdown(&settings); err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	table.WriteString("| Metric | Type | Labels | |\n|---|---|---|---|\n")
	for _, m := range metrics.Catalog() {
		labels := ""
		if len(m.Labels) > 0 {
			labels = "`" + strings.Join(m.Labels, "`, `") + "`"
		}
		table.WriteString("| `" + m.Name + "` | " + m.Type + " | " + labels + " | " + m.Help + " |\n")
	}
	return map[string]string{"settings": settings.String(), "metrics": table.String()}
}

// TestGenerated: the tables of settings and metrics are the code's.
func TestGenerated(t *testing.T) {
	text := document(t, operations)
	for name, want := range generated(t) {
		have := between(t, text, name)
		if have == want {
			continue
		}
		if !*update {
			t.Errorf("%s: the part %q is not the code's; "+
				"run go test ./docs -run TestGenerated -update", operations, name)
		}
		open := "<!-- " + name + " -->\n"
		text = strings.Replace(text, open+have, open+want, 1)
	}
	if *update {
		if err := os.WriteFile(operations, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

var code = regexp.MustCompile("`([^`]+)`")

// firstCells are the code spans in the first column of the table that has the
// given heading.
func firstCells(t *testing.T, text, heading string) []string {
	t.Helper()
	_, rest, ok := strings.Cut(text, "\n"+heading+"\n")
	if !ok {
		t.Fatalf("no table %s", heading)
	}
	var names []string
	for line := range strings.Lines(rest) {
		cell, isRow := strings.CutPrefix(line, "| ")
		if strings.HasPrefix(line, "|---") {
			continue
		}
		if !isRow {
			break
		}
		cell, _, _ = strings.Cut(cell, " | ")
		for _, m := range code.FindAllStringSubmatch(cell, -1) {
			names = append(names, m[1])
		}
	}
	return names
}

// same compares two sets of names and says what is too many or missing.
func same(t *testing.T, what string, have, want []string) {
	t.Helper()
	for _, n := range have {
		if !slices.Contains(want, n) {
			t.Errorf("%s: %s is documented but not in the code", what, n)
		}
	}
	for _, n := range want {
		if !slices.Contains(have, n) {
			t.Errorf("%s: %s is not documented", what, n)
		}
	}
}

func TestEvents(t *testing.T) {
	text := document(t, operations)
	events := firstCells(t, text, "| `msg` | Level | Fields besides `conn` and `peer` |")
	_, reserved, _ := strings.Cut(text, "\nReserved for other wires: ")
	reserved, _, _ = strings.Cut(reserved, "\n")
	for _, m := range code.FindAllStringSubmatch(reserved, -1) {
		events = append(events, m[1])
	}
	same(t, "events", events, activity.Names())
}

func TestCloseReasons(t *testing.T) {
	var want []string
	for _, r := range loop.Reasons() {
		want = append(want, r.String())
	}
	same(t, "close reasons", firstCells(t, document(t, operations), "| Reason | |"), want)
}

// TestLabels: the label values in the text are those that are counted.
func TestLabels(t *testing.T) {
	text := document(t, operations)
	c := metrics.New(metrics.Options{}).Counters()
	for label, values := range map[string]map[string]uint64{
		"`outcome` is": c.Requests, "`reason` of `inferd_rejected_total` is": c.Rejected,
		"`kind` is": c.Tokens,
	} {
		_, sentence, ok := strings.Cut(text, label)
		if !ok {
			t.Errorf("no sentence %q", label)
			continue
		}
		sentence, _, _ = strings.Cut(sentence, ".")
		for v := range values {
			if !strings.Contains(sentence, "`"+v+"`") {
				t.Errorf("%s: %s is not documented", label, v)
			}
		}
	}
}

// TestSeconds: the durations that can be given in seconds are all named.
func TestSeconds(t *testing.T) {
	text := document(t, operations)
	_, list, _ := strings.Cut(text, "Durations that are also given in seconds: ")
	list, _, _ = strings.Cut(list, ".\n")
	var have, want []string
	for _, m := range code.FindAllStringSubmatch(list, -1) {
		have = append(have, m[1])
	}
	for _, r := range config.Rows() {
		if r.Seconds {
			want = append(want, "--"+r.Flag)
		}
	}
	same(t, "durations in seconds", have, want)
}

// TestConfigExample: the example is a file that the daemon takes.
func TestConfigExample(t *testing.T) {
	example := between(t, document(t, operations), "config-example")
	example = strings.TrimSuffix(strings.TrimPrefix(example, "```json\n"), "```\n")
	path := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(path, []byte(example), 0o600); err != nil {
		t.Fatal(err)
	}
	env := func(name string) string {
		return map[string]string{"HOME": t.TempDir(), "LLM_KEY": "k", "INFERD_TCP_KEY": "k"}[name]
	}
	c, _, err := config.Load([]string{"--config", path}, env)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Backends) != 2 || c.ActivePermits != 4 || c.APIKey != "k" {
		t.Errorf("the example means %d backends, %d permits", len(c.Backends), c.ActivePermits)
	}
}

// sizes is the text of the formulas that TestSizes computes by.
const sizes = "```text\n" + `
reserved        = descriptors / 16, within 64 and 1,024, at most half
max-connections = the lesser of  descriptors - reserved
                            and  memory / 128 KiB, within 16 and 1,048,576
max-output      = memory / 2,048, within 1 MiB and 8 MiB
max-inbound     = memory / 4, within 64 MiB + 64 KiB + 1 and 4 GiB, at most half
` + "```\n"

// TestSizes: the formulas give what the code gives.
func TestSizes(t *testing.T) {
	if between(t, document(t, operations), "sizes") != strings.Replace(sizes, "\n\n", "\n", 1) {
		t.Error("the formulas differ from those that this test computes by")
	}
	for _, h := range []limits.Host{
		{FDs: 1024, Memory: 1 << 30},
		{FDs: 20_000, Memory: 24 << 30},
		{FDs: 1024, Memory: 192 << 20},
		{FDs: 1 << 20, Memory: 64 << 20},
	} {
		within := func(n, low, high uint64) int64 { return int64(min(max(n, low), high)) }
		reserved := min(within(h.FDs/16, 64, 1024), int64(h.FDs/2))
		got := limits.Size(h, limits.Limits{}, 0)
		want := limits.Limits{
			MaxConnections: int(min(int64(h.FDs)-reserved,
				within(h.Memory/(128<<10), 16, 1<<20))),
			MaxOutputBytes:  within(h.Memory/2048, 1<<20, 8<<20),
			MaxInboundBytes: min(within(h.Memory/4, 64<<20+64<<10+1, 4<<30), int64(h.Memory/2)),
		}
		if got.Limits != want || int64(got.ReservedFDs) != reserved {
			t.Errorf("%+v: the code gives %+v and %d reserved, the document %+v and %d",
				h, got.Limits, got.ReservedFDs, want, reserved)
		}
	}
}
