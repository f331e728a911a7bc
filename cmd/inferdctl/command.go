package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"inferd/client"
)

// commandTimeout bounds one admin command, which the daemon answers from memory.
const commandTimeout = 10 * time.Second

// command sends one admin command and returns the daemon's reply.
func (a *app) command(
	ctx context.Context, name string, args map[string]any,
) (client.Event, error) {
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	admin, err := client.DialAdmin(ctx, a.adminAddr)
	if err != nil {
		return client.Event{}, adminHint(err)
	}
	defer func() { _ = admin.Close() }()
	return admin.Command(ctx, name, args)
}

// ordered runs a command whose success needs one line only.
func (a *app) ordered(cmd *cobra.Command, name string, args map[string]any, success string) error {
	reply, err := a.command(cmd.Context(), name, args)
	if err != nil {
		return err
	}
	a.printf("%s%s\n", success, rest(&reply, "id", "type", "command", "ok"))
	return nil
}

func newDrain(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "drain",
		GroupID: groupOperate,
		Short:   "Let the daemon finish its work and exit, as on SIGTERM",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.ordered(cmd, "drain", nil, "draining")
		},
	}
}

func newReload(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "reload",
		GroupID: groupOperate,
		Short:   "Let the daemon read its config file again, as on SIGHUP",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.ordered(cmd, "reload", nil, "reloaded")
		},
	}
}

func newLogLevel(a *app) *cobra.Command {
	levels := []string{"debug", "info", "warn", "error", "off"}
	return &cobra.Command{
		Use:       "log-level LEVEL",
		GroupID:   groupOperate,
		Short:     "Set the daemon's log level: debug, info, warn, error or off",
		ValidArgs: levels,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 && !slices.Contains(levels, args[0]) {
				return fmt.Errorf("%q is none of: %s", args[0], strings.Join(levels, ", "))
			}
			return cobra.ExactArgs(1)(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.ordered(cmd, "log_level", map[string]any{"level": args[0]}, "log level set")
		},
	}
}

func newCancel(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "cancel CONNECTION",
		GroupID: groupOperate,
		Short:   "Close a connection and stop the work it asked for",
		Example: "  inferdctl connections        # lists the ids\n  inferdctl cancel 17",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := strconv.ParseUint(args[0], 10, 64)
			if err != nil || id == 0 {
				return fmt.Errorf("%q is not the id of a connection: connections lists them", args[0])
			}
			return a.ordered(cmd, "cancel", map[string]any{"conn": id}, "cancelled")
		},
	}
}
