package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"inferd/client"
)

const (
	// maxStatusFrames bounds how many frames status reads: one for each of at most 64
	// backends, and the state.
	maxStatusFrames = 100
	// statusTimeout bounds the whole of status: the daemon sends its state at
	// once, so more means that it hangs.
	statusTimeout = 2 * time.Second
)

func newStatus(a *app) *cobra.Command {
	var asJSON bool
	var wait time.Duration
	cmd := &cobra.Command{
		Use:     "status",
		GroupID: groupOperate,
		Short:   "Show the daemon's state; exit 0 if it is ready, 1 if not",
		Long: `Show what the daemon's backends can do and the state it is in. Exit code 0
means ready, 1 any other state, 2 that the daemon could not be asked.

On a terminal the output is for people; otherwise, or with --json, it is the
daemon's frames, one JSON object a line.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if wait > 0 {
				ctx, cancel := context.WithTimeout(cmd.Context(), wait)
				defer cancel()
				// A wait that runs out ends with whatever state there is.
				if err := client.WaitReady(ctx, a.adminAddr); err != nil && ctx.Err() == nil {
					return adminHint(err)
				}
			}
			return a.status(cmd.Context(), a.eventPrinter(asJSON))
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON lines even on a terminal")
	cmd.Flags().DurationVar(&wait, "wait", 0, "wait this long for the daemon to become ready")
	return cmd
}

// status prints events up to the first that is a state and fails unless that
// state is ready. Capabilities come first and are not a state.
func (a *app) status(ctx context.Context, show func(*client.Event) error) error {
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	admin, err := client.DialAdmin(ctx, a.adminAddr)
	if err != nil {
		return adminHint(err)
	}
	defer func() { _ = admin.Close() }()
	for range maxStatusFrames {
		event, err := admin.Recv(ctx)
		switch {
		case errors.Is(err, io.EOF):
			return errors.New("the daemon closed the connection without telling its state")
		case err != nil:
			return fmt.Errorf("read the state: %w", err)
		}
		if err := show(&event); err != nil {
			return err
		}
		if event.IsCapabilities() {
			continue
		}
		if !event.Ready() {
			return errFailed
		}
		return nil
	}
	return fmt.Errorf("no state within %d frames", maxStatusFrames)
}

func newWatch(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "watch",
		GroupID: groupOperate,
		Short:   "Print the daemon's events as they happen, until interrupted",
		Long: `Print every event of the admin socket until interrupted. The daemon's end of
the connection is an error (exit code 2).

On a terminal the output is for people; otherwise, or with --json, it is one
JSON object a line.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.watch(cmd.Context(), a.eventPrinter(asJSON))
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON lines even on a terminal")
	return cmd
}

func (a *app) watch(ctx context.Context, show func(*client.Event) error) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	admin, err := client.DialAdmin(ctx, a.adminAddr)
	if err != nil {
		return adminHint(err)
	}
	defer func() { _ = admin.Close() }()
	for {
		event, err := admin.Recv(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, io.EOF):
			return errors.New("the daemon closed the connection")
		case err != nil:
			return fmt.Errorf("read the next event: %w", err)
		}
		if err := show(&event); err != nil {
			return err
		}
	}
}

func adminHint(err error) error {
	return hint(err, "name its admin socket with --admin-addr")
}
