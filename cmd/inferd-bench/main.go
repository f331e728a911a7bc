// Inferd-bench puts load on an inference socket and measures the answers.
package main

import (
	"fmt"
	"os"

	"inferd/bench/load/command"
)

// version is set by the linker at a release build: -X main.version=….
var version = "dev"

func main() {
	cmd := command.New("inferd-bench")
	cmd.Version = version
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	if err := cmd.Execute(); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(2)
	}
}
