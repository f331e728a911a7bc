package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"inferd/internal/version"
)

func newVersion(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of inferdctl",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			a.printf("inferdctl %s\n", versionLine())
			return nil
		},
	}
}

// versionLine gives version, commit, Go version and platform.
func versionLine() string {
	return fmt.Sprintf("%s (%s, %s, %s/%s)", version.Version, version.Commit(), version.Go(),
		runtime.GOOS, runtime.GOARCH)
}
