package config

import (
	"cmp"
	"slices"

	"inferd/internal/rundir"
)

// Load makes the effective configuration of a process with these arguments
// (without the program's name) and this environment (os.Getenv, or a stand-in).
//
// The Config is nil for ActionHelp and ActionVersion. Every error is a
// *[UsageError].
func Load(args []string, env func(string) string) (*Config, Action, error) {
	flags, action, err := parseFlags(args)
	if err != nil || action == ActionHelp || action == ActionVersion {
		return nil, action, err
	}
	c, err := build(flags, env)
	if err != nil {
		return nil, action, err
	}
	c.args, c.env = slices.Clone(args), env
	return c, action, nil
}

// Defaults gives the settings as they are before anything is configured. It
// has no backends and no resolved paths.
func Defaults() *Config {
	c := &Config{}
	for i := range settings {
		s := &settings[i]
		if s.def == "" {
			continue
		}
		if err := s.assign(c, s.def); err != nil {
			panic("config: default of " + s.name + ": " + err.Error())
		}
	}
	return c
}

// build merges the sources and checks the result.
func build(flags map[string]given, env func(string) string) (*Config, error) {
	vars, err := readEnv(env)
	if err != nil {
		return nil, err
	}
	path, asked := configPath(flags, vars, env)
	file := &fileConfig{}
	if path != "" {
		if file, err = readFile(path, asked); err != nil {
			return nil, err
		}
	}

	c := Defaults()
	c.File, c.keyEnv = file.path, file.keyEnv
	c.origins = make(map[string]Origin, len(settings))
	for i := range settings {
		s := &settings[i]
		c.origins[s.name] = Origin{}
		for _, source := range []map[string]given{flags, vars, file.values} {
			g, ok := source[s.name]
			if !ok {
				continue
			}
			if s.kind == kindPath {
				g.text = rundir.ExpandHome(g.text, env)
			}
			if err := s.assign(c, g.text); err != nil {
				return nil, usagef("%s: %v", g.origin, err)
			}
			c.origins[s.name] = g.origin
			break
		}
	}
	c.configPath = cmp.Or(c.configPath, file.path)
	return c, c.resolve(file, env)
}

// readEnv collects the variables that are set and not empty.
func readEnv(env func(string) string) (map[string]given, error) {
	vars := make(map[string]given)
	for i := range settings {
		s := &settings[i]
		names := append([]string{s.envName()}, s.envs...)
		if s.secs {
			names = append(names, envName(s.name+secsSuffix))
		}
		for _, name := range names {
			text := env(name)
			if text == "" {
				continue
			}
			var err error
			if s.secs && name == envName(s.name+secsSuffix) {
				text, err = secondsText(text)
			}
			if err == nil {
				err = s.assign(new(Config), text)
			}
			if err != nil {
				return nil, usagef("%s: %v", name, err)
			}
			vars[s.name] = given{text, Origin{FromEnv, name}}
			break
		}
	}
	return vars, nil
}

// configPath finds the file to read; asked tells whether somebody named it.
func configPath(
	flags, vars map[string]given, env func(string) string,
) (path string, asked bool) {
	for _, source := range []map[string]given{flags, vars} {
		if g, ok := source["config"]; ok {
			return rundir.ExpandHome(g.text, env), true
		}
	}
	return rundir.ConfigFile(env), false
}
