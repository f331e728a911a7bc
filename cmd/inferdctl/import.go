package main

import (
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"inferd/engine/llamacpp"
	"inferd/internal/store"
)

func newImport(a *app) *cobra.Command {
	var name, sha string
	cmd := &cobra.Command{
		Use:     "import PATH",
		GroupID: groupModels,
		Short:   "Copy a model file into the store",
		Long: `Hash a local model file, copy it into the model store under a name and print
where it is now. The file itself stays as it is.`,
		Example: `  inferdctl import ./model.gguf --name my-model`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, stop := interruptible(cmd.Context())
			defer stop()
			bar := newTransfer(a)
			s, _, err := a.openStore(store.Options{Progress: bar.show})
			if err != nil {
				return err
			}
			if name == "" {
				name = strings.TrimSuffix(filepath.Base(args[0]), filepath.Ext(args[0]))
			}
			path, err := s.Import(ctx, args[0], name, strings.ToLower(sha))
			bar.finish()
			if err != nil {
				return err
			}
			if err := llamacpp.CheckModel(args[0]); err != nil {
				a.notef("warning: inferd will not load it: %v\n", err)
			}
			a.printf("%s\n", path)
			return nil
		},
	}
	cmd.Flags().StringVar(&name, "name", "",
		"`name` in the store (default: the file's, without its ending)")
	cmd.Flags().StringVar(&sha, "expect-sha256", "",
		"refuse the file unless its SHA-256 is this `hex` number")
	return cmd
}
