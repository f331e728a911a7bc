package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"inferd/internal/store"
)

func newVerify(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "verify [NAME...]",
		GroupID: groupModels,
		Short:   "Hash models in the store and compare; exit 1 if one is wrong",
		Long: `Hash the named models, or all, and compare with what they should be. Content
that is wrong is moved to quarantine, and the next pull brings it anew. Exit
code 1 if a model is missing or wrong.`,
		ValidArgsFunction: a.completeModels,
		RunE: func(cmd *cobra.Command, names []string) error {
			return a.verify(cmd.Context(), names)
		},
	}
}

func (a *app) verify(ctx context.Context, names []string) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	s, _, err := a.openStore(store.Options{Progress: newTransfer(a).show})
	if err != nil {
		return err
	}
	if len(names) == 0 {
		entries, err := s.List()
		if err != nil {
			return err
		}
		for _, e := range entries {
			names = append(names, e.Name)
		}
	}
	failed := false
	for _, name := range names {
		m, err := s.Verify(ctx, name)
		switch {
		case errors.Is(err, context.Canceled):
			return errInterrupted
		case err != nil:
			failed = true
			a.check(false, name, err.Error())
		default:
			a.check(true, name, m.Blob)
		}
	}
	if failed {
		return errFailed
	}
	return nil
}

// check prints one line of verify or doctor.
func (a *app) check(ok bool, label, detail string) {
	mark := a.style(green, "[ ok ]")
	if !ok {
		mark = a.style(red, "[FAIL]")
	}
	a.printf("%s %s: %s\n", mark, label, printable(detail))
}
