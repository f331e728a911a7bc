// Inferd-bench puts load on an inference socket and measures the answers.
package main

import (
	"fmt"
	"os"

	"inferd/bench/load/command"
	"inferd/internal/version"
)

func main() {
	cmd := command.New("inferd-bench")
	cmd.Version = fmt.Sprintf("%s (%s, %s)", version.Version, version.Commit(), version.Go())
	cmd.SetVersionTemplate("{{.Name}} {{.Version}}\n")
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	if err := cmd.Execute(); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(command.ExitCode(err))
	}
}
