package main

import (
	"time"

	"github.com/spf13/cobra"

	"inferd/internal/store"
)

func newGC(a *app) *cobra.Command {
	var dryRun, all bool
	var quarantineAge time.Duration
	cmd := &cobra.Command{
		Use:     "gc",
		GroupID: groupModels,
		Short:   "Remove abandoned downloads and rejected files from the store",
		Long: `Remove downloads that nobody has worked on for a while and, if asked, files in
quarantine. Models stay, with and without a name: other tools may share the
store.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			s, _, err := a.openStore(store.Options{})
			if err != nil {
				return err
			}
			options := store.GCOptions{DryRun: dryRun, QuarantineAge: quarantineAge}
			if all {
				options.PartialAge, options.QuarantineAge = -1, -1
			}
			removed, err := s.GC(options)
			var total int64
			for _, g := range removed {
				total += g.Bytes
				a.printf("%s\t%s\n", bytesText(g.Bytes), g.Path)
			}
			verb := "freed"
			if dryRun {
				verb = "to be freed"
			}
			a.notef("%d files, %s %s\n", len(removed), bytesText(total), verb)
			return err
		},
	}
	cmd.Flags().BoolVarP(&dryRun, "dry-run", "n", false, "only list")
	cmd.Flags().DurationVar(&quarantineAge, "quarantine-age", 0,
		"also remove rejected files of this age (default: keep them)")
	cmd.Flags().BoolVar(&all, "all", false, "whatever its age, rejected files included")
	return cmd
}
