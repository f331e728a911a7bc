package config

import (
	"fmt"
	"io"
	"strings"
)

// helpColumns is the width of --help; every terminal has that many.
const helpColumns = 80

// WriteHelp prints what --help shows.
func WriteHelp(w io.Writer) error {
	var b strings.Builder
	b.WriteString(`inferd serves a language model on this machine's sockets.

Usage:
  inferd [flags]

Without flags it serves its small built-in model on a Unix socket in the run
directory ($XDG_RUNTIME_DIR/inferd or ~/.inferd/run); inferdctl chat talks to
it. A flag wins over the environment, the environment over the config file.
Every flag --some-name is also the variable INFERD_SOME_NAME and, unless it is
a secret, the key "some_name" of the config file.
`)
	for _, group := range groups {
		fmt.Fprintf(&b, "\n%s:\n", group)
		for i := range settings {
			if s := &settings[i]; s.group == group {
				writeEntry(&b, "--"+s.name, s.arg, s.describe())
			}
		}
	}
	b.WriteString("\nActions:\n")
	writeEntry(&b, "--check-config", "", "check flags, environment and config file, then exit")
	writeEntry(&b, "--print-config", "",
		"print every setting with its source, secrets masked, then exit")
	writeEntry(&b, "--version", "", "print the version and what is built in, then exit")
	writeEntry(&b, "--help", "", "print this")
	b.WriteString(`
Durations are written as 500ms, 30s or 5m; sizes as 65536, 64KiB or 16MiB.
Exit codes: 0 after a signalled shutdown, 1 runtime failure, 2 usage or config.
`)
	_, err := io.WriteString(w, b.String())
	return err
}

// describe is the help text with choices and default.
func (s *setting) describe() string {
	text := s.help
	if len(s.choices) > 0 {
		text += ": " + strings.Join(s.choices, ", ")
	}
	if def := s.shownDefault(); def != "" && s.kind != kindBool {
		text += " (default " + def + ")"
	} else if s.def == "true" {
		text += " (default true; off with --" + s.name + "=false)"
	}
	return text
}

func (s *setting) shownDefault() string {
	if s.show != "" {
		return s.show
	}
	return s.def
}

func writeEntry(b *strings.Builder, flag, arg, text string) {
	const indent = "        "
	fmt.Fprintf(b, "  %s\n", strings.TrimSpace(flag+" "+arg))
	line := indent
	for word := range strings.FieldsSeq(text) {
		if len(line)+1+len(word) > helpColumns && line != indent {
			b.WriteString(line + "\n")
			line = indent
		}
		if line != indent {
			line += " "
		}
		line += word
	}
	b.WriteString(line + "\n")
}

// Row is one setting as the documentation shows it.
type Row struct {
	Flag    string // without dashes
	Arg     string
	Env     string // the variable, and further ones after commas
	Key     string // of the config file; empty if it may not stand there
	Group   string
	Default string
	Help    string
	Secret  bool
	Live    bool // SIGHUP applies a change without a restart
	Seconds bool // also as FLAG-secs, ENV_SECS and KEY_secs
}

// Rows gives every setting in the order of --help. The tables in the
// documentation are checked against it.
func Rows() []Row {
	var rows []Row
	for _, group := range groups {
		for i := range settings {
			s := &settings[i]
			if s.group != group {
				continue
			}
			r := Row{
				Flag: s.name, Arg: s.arg, Group: s.group, Default: s.shownDefault(), Help: s.help,
				Env:    strings.Join(append([]string{s.envName()}, s.envs...), ", "),
				Secret: s.secret, Live: s.live, Seconds: s.secs,
			}
			if s.inFile() {
				r.Key = s.key()
			}
			if len(s.choices) > 0 {
				r.Help += ": " + strings.Join(s.choices, ", ")
			}
			rows = append(rows, r)
		}
	}
	return rows
}

// WriteMarkdown prints the table of settings for docs/operations.md.
func WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	group := ""
	for _, r := range Rows() {
		if r.Group != group {
			group = r.Group
			fmt.Fprintf(&b, "\n### %s\n\n| Flag | Default | Reload | |\n|---|---|---|---|\n", group)
		}
		name := strings.TrimSpace("--" + r.Flag + " " + r.Arg)
		live := ""
		if r.Live {
			live = "yes"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", name, cell(r.Default), live, cell(r.Help))
	}
	_, err := io.WriteString(w, strings.TrimPrefix(b.String(), "\n"))
	return err
}

func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
