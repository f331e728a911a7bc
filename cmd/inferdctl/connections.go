package main

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

func newConnections(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "connections",
		GroupID: groupOperate,
		Short:   "List who is connected, and who was last",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			reply, err := a.command(cmd.Context(), "connections", nil)
			if err != nil {
				return err
			}
			if asJSON {
				return a.printJSON(&reply)
			}
			return a.printTables(reply.Fields)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the reply as JSON")
	return cmd
}

// printTables prints every list of objects in a reply as a table of its own.
// The columns are whatever keys the daemon sends, so that a newer daemon's
// show up too.
func (a *app) printTables(fields map[string]any) error {
	names := make([]string, 0, len(fields))
	for name, value := range fields {
		if _, ok := value.([]any); ok {
			names = append(names, name)
		}
	}
	// "connections" or "open" before "closed", whatever they are called.
	slices.SortFunc(names, func(x, y string) int {
		if before := strings.Contains(x, "closed"); before != strings.Contains(y, "closed") {
			if before {
				return 1
			}
			return -1
		}
		return strings.Compare(x, y)
	})
	for i, name := range names {
		if i > 0 {
			a.printf("\n")
		}
		rows := fields[name].([]any)
		a.printf("%s\n", a.style(bold, fmt.Sprintf("%s (%d)", printable(name), len(rows))))
		if len(rows) == 0 {
			continue
		}
		if err := a.printTable(rows); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) printTable(rows []any) error {
	columns := columnsOf(rows)
	table := tabwriter.NewWriter(a.stdout, 0, 4, 2, ' ', 0)
	for i, column := range columns {
		if i > 0 {
			_, _ = fmt.Fprint(table, "\t")
		}
		_, _ = fmt.Fprint(table, strings.ToUpper(printable(column)))
	}
	_, _ = fmt.Fprintln(table)
	for _, row := range rows {
		object, _ := row.(map[string]any)
		for i, column := range columns {
			if i > 0 {
				_, _ = fmt.Fprint(table, "\t")
			}
			_, _ = fmt.Fprint(table, cell(object[column]))
		}
		_, _ = fmt.Fprintln(table)
	}
	return table.Flush()
}

// columnsOf gives the keys that any row has: the id first, then sorted.
func columnsOf(rows []any) []string {
	var columns []string
	for _, row := range rows {
		object, _ := row.(map[string]any)
		for key := range object {
			if !slices.Contains(columns, key) {
				columns = append(columns, key)
			}
		}
	}
	slices.SortFunc(columns, func(x, y string) int {
		switch {
		case x == y:
			return 0
		case x == "id":
			return -1
		case y == "id":
			return 1
		}
		return strings.Compare(x, y)
	})
	return columns
}
