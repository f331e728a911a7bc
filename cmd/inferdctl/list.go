package main

import (
	"encoding/json"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"inferd/internal/store"
)

func newList(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		GroupID: groupModels,
		Short:   "List the models in the store",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			s, _, err := a.openStore(store.Options{})
			if err != nil {
				return err
			}
			entries, err := s.List()
			if err != nil {
				return err
			}
			if asJSON {
				return a.listJSON(entries)
			}
			return a.listTable(entries)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a model")
	return cmd
}

func (a *app) listTable(entries []store.Entry) error {
	if len(entries) == 0 {
		a.notef("the store is empty: pull fetches what the config file names, import takes a file\n")
		return nil
	}
	table := tabwriter.NewWriter(a.stdout, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "NAME\tSIZE\tSHA-256\tFROM\tSTATE")
	for _, e := range entries {
		size, sha, from, state := "-", "-", "-", "ok"
		if m := e.Manifest; m != nil {
			size, sha = bytesText(m.SizeBytes), m.SHA256()
			from = cell(m.Source.Registry)
		}
		if e.Problem != nil {
			state = printable(e.Problem.Error())
		}
		_, _ = fmt.Fprintf(table, "%s\t%s\t%.12s\t%s\t%s\n", e.Name, size, sha, from, state)
	}
	return table.Flush()
}

func (a *app) listJSON(entries []store.Entry) error {
	for _, e := range entries {
		line := map[string]any{"name": e.Name, "path": e.BlobPath, "problem": nil}
		if e.Problem != nil {
			line["problem"] = e.Problem.Error()
		}
		if m := e.Manifest; m != nil {
			line["sha256"], line["size_bytes"] = m.SHA256(), m.SizeBytes
			line["license"], line["source"] = m.License, m.Source
		}
		text, err := json.Marshal(line)
		if err != nil {
			return err
		}
		a.printf("%s\n", text)
	}
	return nil
}
