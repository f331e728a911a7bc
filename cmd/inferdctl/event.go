package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"inferd/client"
)

// eventPrinter prints events for people on a terminal and as JSON lines
// otherwise.
func (a *app) eventPrinter(asJSON bool) func(*client.Event) error {
	if asJSON || !isTerminal(a.stdout) {
		return a.printJSON
	}
	return func(event *client.Event) error {
		stamp := a.style(faint, time.Now().Format(time.TimeOnly))
		_, err := fmt.Fprintf(a.stdout, "%s %s\n", stamp, a.describe(event))
		return err
	}
}

// printJSON prints one event as one line with its keys sorted.
func (a *app) printJSON(event *client.Event) error {
	line, err := json.Marshal(event.Fields)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.stdout, "%s\n", line)
	return err
}

// describe gives one event as a line for people.
func (a *app) describe(event *client.Event) string {
	switch {
	case event.IsCapabilities():
		return a.describeCapabilities(event)
	case event.Ready():
		return a.style(green, "ready")
	case event.Phase == "download":
		return "loading: downloading " + printable(text(event, "source_url")) + " " + progress(event)
	}
	line := a.style(amber, printable(strings.ReplaceAll(event.Status, "_", " ")))
	if event.Phase != "" {
		line += ": " + printable(strings.ReplaceAll(event.Phase, "_", " "))
	}
	return line + rest(event, "id", "type", "status", "phase")
}

func (a *app) describeCapabilities(event *client.Event) string {
	var can []string
	for key, value := range event.Fields {
		if yes, _ := value.(bool); yes {
			can = append(can, printable(key))
		}
	}
	slices.Sort(can)
	line := "backend " + a.style(bold, printable(text(event, "backend")))
	if len(can) > 0 {
		line += ": " + strings.Join(can, ", ")
	}
	// Bools are said above; what is left are settings.
	return line + rest(event, append(can, "id", "type", "status", "backend")...)
}

// progress gives the part of a download that has arrived.
func progress(event *client.Event) string {
	got, _ := number(event, "downloaded_bytes")
	total, ok := number(event, "total_bytes")
	if !ok || total <= 0 {
		return fmt.Sprintf("%.1f MiB", got/(1<<20))
	}
	return fmt.Sprintf("%.1f of %.1f MiB (%.0f%%)", got/(1<<20), total/(1<<20), 100*got/total)
}

// rest lists the keys of an event that were not told yet, sorted. False and
// null say nothing and are left out.
func rest(event *client.Event, told ...string) string {
	var parts []string
	for key, value := range event.Fields {
		if value == nil || value == false || slices.Contains(told, key) {
			continue
		}
		parts = append(parts, fmt.Sprintf("%s=%v", key, value))
	}
	if len(parts) == 0 {
		return ""
	}
	slices.Sort(parts)
	return " " + printable(strings.Join(parts, " "))
}

func text(event *client.Event, key string) string {
	value, _ := event.Fields[key].(string)
	return value
}

func number(event *client.Event, key string) (float64, bool) {
	value, ok := event.Fields[key].(json.Number)
	if !ok {
		return 0, false
	}
	f, err := value.Float64()
	return f, err == nil
}
