package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

func newStats(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "stats",
		GroupID: groupOperate,
		Short:   "Show the daemon's counters",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			reply, err := a.command(cmd.Context(), "stats", nil)
			if err != nil {
				return err
			}
			if asJSON {
				return a.printJSON(&reply)
			}
			table := tabwriter.NewWriter(a.stdout, 0, 4, 2, ' ', 0)
			if counters, ok := reply.Fields["stats"].(map[string]any); ok {
				printValues(table, "", counters)
			}
			return table.Flush()
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the reply as JSON")
	return cmd
}

// printValues lists the leaves of an object, one a line, named by their path.
func printValues(w io.Writer, prefix string, fields map[string]any) {
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		if nested, ok := fields[key].(map[string]any); ok {
			printValues(w, prefix+key+".", nested)
			continue
		}
		_, _ = fmt.Fprintf(w, "%s\t%s\n", printable(prefix+key), cell(fields[key]))
	}
}

// cell gives one value as it stands in a table.
func cell(value any) string {
	switch v := value.(type) {
	case nil:
		return "-"
	case string:
		if v == "" {
			return "-"
		}
		return printable(strings.ReplaceAll(v, "\n", " "))
	case json.Number:
		return v.String()
	case bool:
		return fmt.Sprint(v)
	default:
		line, err := json.Marshal(v)
		if err != nil {
			return "?"
		}
		return printable(string(line))
	}
}
