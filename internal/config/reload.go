package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Change is one setting that a reload found different.
type Change struct {
	Name     string // flag without dashes, or "backends"
	Old, New string // secrets masked
	Live     bool   // applied; otherwise it waits for a restart
}

// Reload reads the environment and the config file again, with the command line
// of [Load]. It does not modify c. The result is c with those changes that need
// no restart; changes lists the others too, with Live false. A file that was there
// and is gone is an error.
//
// A broken file or value gives an error, and c stays what is in force.
func (c *Config) Reload() (*Config, []Change, error) {
	next, _, err := Load(c.args, c.env)
	if err != nil {
		return nil, nil, err
	}
	if err := next.checkKey(); err != nil {
		return nil, nil, err
	}
	if c.File != "" && next.File == "" {
		return nil, nil, usagef("config %s: it is gone; an empty object, {}, takes its settings back",
			c.File)
	}
	merged := *c
	merged.origins = maps.Clone(c.origins)
	merged.File, merged.configPath = next.File, next.configPath
	var changes []Change
	for i := range settings {
		s := &settings[i]
		before, after := s.text(c), s.text(next)
		if before == after || s.name == "config" { // which has been read
			if s.live {
				merged.origins[s.name] = next.origins[s.name]
			}
			continue
		}
		if s.live {
			if err := s.assign(&merged, after); err != nil {
				return nil, nil, usagef("%s: %v", next.origins[s.name], err)
			}
			merged.origins[s.name] = next.origins[s.name]
		}
		changes = append(changes, Change{
			Name: s.name, Old: s.masked(c), New: s.masked(next), Live: s.live,
		})
	}
	merged.ActivePermitsSet = next.ActivePermitsSet
	if bc, ok := c.backendsChange(next); ok {
		if bc.Live {
			merged.Backends = next.Backends
		}
		changes = append(changes, bc)
	}
	return &merged, changes, nil
}

// backendsChange compares the lists. A new order or new weights of the same
// entries can be applied; an entry that is new, gone or different can't: its
// engine would have to be built.
func (c *Config) backendsChange(next *Config) (Change, bool) {
	if slices.Equal(c.Backends, next.Backends) {
		return Change{}, false
	}
	sorted := func(list []Backend) []Backend {
		list = slices.Clone(list)
		slices.SortFunc(list, func(a, b Backend) int {
			if a.Name < b.Name {
				return -1
			}
			return 1 // names are unique
		})
		for i := range list {
			list[i].Weight = 0
		}
		return list
	}
	return Change{
		Name: "backends", Old: describe(c.Backends, nil), New: describe(next.Backends, c.Backends),
		Live: slices.Equal(sorted(c.Backends), sorted(next.Backends)),
	}, true
}

// describe lists entries in order, with their weights. An entry that differs from
// the one of its name in old is marked; how is not spelled out, for it may be a
// secret.
func describe(list, old []Backend) string {
	texts := make([]string, 0, len(list))
	for _, b := range list {
		text := b.Name
		if b.Weight > 0 {
			text += fmt.Sprintf(" (weight %d)", b.Weight)
		}
		for _, o := range old {
			if o.Weight = b.Weight; o.Name == b.Name && o != b {
				text += " (changed)"
			}
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, ", ")
}
