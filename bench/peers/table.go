package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// table collects samples by server and number of clients.
type table struct {
	clients []int
	names   []string // in the order of their first sample
	samples map[cell][]sample
}

type cell struct {
	name    string
	clients int
}

func newTable(clients []int) *table {
	return &table{clients: clients, samples: map[cell][]sample{}}
}

func (t *table) add(name string, clients int, s sample) {
	if !slices.Contains(t.names, name) {
		t.names = append(t.names, name)
	}
	at := cell{name, clients}
	t.samples[at] = append(t.samples[at], s)
}

// figure is one line of the table for each server.
type figure struct {
	name   string
	of     func(sample) float64
	format func(float64) string
}

var figures = []figure{
	{"requests/s", func(s sample) float64 { return s.requestsPerSecond }, plain},
	{"first token p50", func(s sample) float64 { return s.firstP50 }, micros},
	{"first token p99", func(s sample) float64 { return s.firstP99 }, micros},
	{"token gap p50", func(s sample) float64 { return s.gapP50 }, micros},
	{"token gap p99", func(s sample) float64 { return s.gapP99 }, micros},
	{"server CPU/request", func(s sample) float64 { return s.cpuPerRequest }, micros},
	{"tokens/request", func(s sample) float64 { return s.tokensPerRequest }, plain},
}

// write prints Markdown that is also readable as it is: a line for each figure
// and server, a column for each number c of clients, and inferd's requests per
// second over each peer's.
func (t *table) write(w io.Writer) error {
	tab := tabwriter.NewWriter(w, 0, 0, 1, ' ', 0)
	row := func(cells ...string) { fmt.Fprintf(tab, "| %s\t|\n", strings.Join(cells, "\t| ")) }
	head, rule := []string{"", "server"}, []string{"---", "---"}
	for _, n := range t.clients {
		head, rule = append(head, fmt.Sprintf("c=%d", n)), append(rule, "---:")
	}
	row(head...)
	row(rule...)
	for _, f := range figures {
		for _, name := range t.names {
			cells := []string{f.name, name}
			for _, n := range t.clients {
				cells = append(cells, f.format(t.median(name, n, f.of)))
			}
			row(cells...)
		}
	}
	for _, name := range t.names[min(1, len(t.names)):] {
		cells := []string{"times as many requests/s", t.names[0] + " / " + name}
		for _, n := range t.clients {
			rate := func(name string) float64 { return t.median(name, n, figures[0].of) }
			cells = append(cells, fmt.Sprintf("%.2f", rate(t.names[0])/rate(name)))
		}
		row(cells...)
	}
	return tab.Flush()
}

func (t *table) median(name string, clients int, of func(sample) float64) float64 {
	var values []float64
	for _, s := range t.samples[cell{name, clients}] {
		values = append(values, of(s))
	}
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	middle := len(values) / 2
	if len(values)%2 == 0 {
		return (values[middle-1] + values[middle]) / 2
	}
	return values[middle]
}

func plain(v float64) string { return fmt.Sprintf("%.1f", v) }

// micros shows microseconds in milliseconds, and what is unknown as a dash.
func micros(v float64) string {
	if v == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f ms", v/1000)
}
