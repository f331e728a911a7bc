package main

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"inferd/client"
	"inferd/internal/config"
	"inferd/internal/store"
	"inferd/internal/version"
)

// loadConfig reads the daemon's configuration for its model store. A missing file
// is fine, one that is named too; a broken one is not.
func (a *app) loadConfig() (*config.Config, error) {
	path := a.configPath
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		path = ""
	}
	return configAt(path)
}

// configAt reads the daemon's configuration as the daemon would with no flag but
// --config path; an empty path is no flag.
func configAt(path string) (*config.Config, error) {
	var args []string
	if path != "" {
		args = []string{"--config", path}
	}
	// The flag stands for the variable; a missing file must not come back in
	// through it.
	env := func(name string) string {
		if name == "INFERD_CONFIG" {
			return ""
		}
		return os.Getenv(name)
	}
	c, _, err := config.Load(args, env)
	if err == nil {
		slog.Debug("config", "file", c.File)
	}
	return c, err
}

// adoptEndpoints takes over where the config file has the daemon serve, for what neither
// flag nor variable names. A file that can't be read is for others to complain about.
func (a *app) adoptEndpoints() {
	c, err := a.loadConfig()
	if err != nil {
		return
	}
	inFile := func(setting string) bool { return c.Origin(setting).Source == config.FromFile }
	if a.adminAddr == "" && inFile("admin-addr") {
		a.adminAddr = c.Admin
	}
	switch {
	case inFile("uds") && c.UDS != "":
		a.configured.Unix = c.UDS
	case c.UDS == "" && inFile("tcp"):
		a.configured = client.Target{TCP: c.TCP, APIKey: c.APIKey}
	}
}

// openStore opens the model store that the configuration names.
func (a *app) openStore(options store.Options) (*store.Store, *config.Config, error) {
	c, err := a.loadConfig()
	if err != nil {
		return nil, nil, err
	}
	options.Producer = "inferdctl/" + version.Version
	s, err := store.Open(c.ModelsHome, options)
	return s, c, err
}

// storedModels lists the models of the store that the configuration serves.
func storedModels(c *config.Config) []config.Model {
	var models []config.Model
	for _, b := range c.Backends {
		if b.Kind == config.KindLlamaCpp && b.Llama.Model.Name != "" {
			models = append(models, b.Llama.Model)
		}
	}
	return models
}

// completeModels completes the names of models in the store.
func (a *app) completeModels(
	_ *cobra.Command, given []string, _ string,
) ([]cobra.Completion, cobra.ShellCompDirective) {
	s, _, err := a.openStore(store.Options{})
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	entries, err := s.List()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var names []cobra.Completion
	for _, e := range entries {
		if !slices.Contains(given, e.Name) {
			names = append(names, e.Name)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
