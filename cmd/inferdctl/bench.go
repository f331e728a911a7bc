package main

import (
	"github.com/spf13/cobra"

	"inferd/bench/load/command"
)

// newBench is inferd-bench under another name.
func newBench() *cobra.Command {
	cmd := command.New("bench")
	cmd.GroupID = groupOperate
	return cmd
}
