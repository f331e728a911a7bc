package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"inferd/internal/store"
)

func newRemove(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "rm NAME...",
		GroupID: groupModels,
		Short:   "Remove models from the store",
		Long: `Remove models from the store. Content that another name needs stays; a daemon
that serves it keeps it until it ends.`,
		Args: cobra.MinimumNArgs(1), ValidArgsFunction: a.completeModels,
		RunE: func(_ *cobra.Command, names []string) error {
			s, _, err := a.openStore(store.Options{})
			if err != nil {
				return err
			}
			for _, name := range names {
				removed, err := s.Remove(name)
				if err != nil {
					return fmt.Errorf("remove %s: %w", name, err)
				}
				detail := bytesText(removed.FreedBytes) + " freed"
				if len(removed.SharedWith) > 0 {
					detail = "content stays for " + strings.Join(removed.SharedWith, ", ")
				}
				a.printf("removed %s (%s)\n", name, detail)
			}
			return nil
		},
	}
}
