package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"inferd/bench/load/command"
)

// newBench is inferd-bench under another name, with its exit codes.
func newBench() *cobra.Command {
	cmd := command.New("bench")
	cmd.GroupID = groupOperate
	bench := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		err := bench(cmd, args)
		code := command.ExitCode(err)
		if code != exitOK && code != exitError {
			_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "error: %v\n", err)
		}
		switch {
		case errors.Is(err, command.ErrProblem):
			return errFailed
		case code > exitError: // a signal's, which no other command has
			os.Exit(code)
		}
		return err
	}
	return cmd
}
