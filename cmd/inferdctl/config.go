package main

import (
	"errors"
	"io/fs"
	"os"

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
	return c, err
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
