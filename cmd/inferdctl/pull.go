package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"inferd/internal/config"
	"inferd/internal/store"
)

func newPull(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "pull [NAME...]",
		GroupID: groupModels,
		Short:   "Fetch the models that the config file names",
		Long: `Fetch every model that a llamacpp backend of the config file names, or only the
named ones, into the model store, and print where each one is. An interrupted
download goes on where it stopped. The daemon need not run.`,
		RunE: func(cmd *cobra.Command, names []string) error {
			return a.pull(cmd.Context(), names)
		},
	}
}

func (a *app) pull(ctx context.Context, names []string) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	bar := newTransfer(a)
	s, c, err := a.openStore(store.Options{AutoPull: true, Progress: bar.show})
	if err != nil {
		return err
	}
	if c.File == "" {
		return errors.New("pull needs a config file that names models: give one with --config")
	}
	models, err := chosen(storedModels(c), names)
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	for _, m := range models {
		a.notef("inferdctl: pulling %s -> %s\n", m.Name, s.Root())
		path, err := s.Fetch(ctx, store.Spec{
			Name: m.Name, SHA256: m.SHA256, SizeBytes: m.SizeBytes, SourceURL: m.SourceURL,
			License: m.License,
		})
		bar.finish()
		if err != nil {
			return fmt.Errorf("pull %s: %w", m.Name, err)
		}
		a.printf("%s\n", path)
	}
	return nil
}

// chosen picks the named models, or all.
func chosen(models []config.Model, names []string) ([]config.Model, error) {
	if len(models) == 0 {
		return nil, errors.New("no llamacpp backend names a model of the store")
	}
	if len(names) == 0 {
		return models, nil
	}
	var picked []config.Model
	for _, name := range names {
		i := slices.IndexFunc(models, func(m config.Model) bool { return m.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("no backend names the model %q", name)
		}
		picked = append(picked, models[i])
	}
	return picked, nil
}
