package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
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

// version is set by the linker at a release build: -X main.version=….
var version string

// versionLine gives version, commit, Go version and platform.
func versionLine() string {
	commit, modified := "unknown commit", ""
	own := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		if info.Main.Version != "(devel)" {
			own = info.Main.Version
		}
		for _, setting := range info.Settings {
			switch {
			case setting.Key == "vcs.revision" && len(setting.Value) >= 12:
				commit = setting.Value[:12]
			case setting.Key == "vcs.modified" && setting.Value == "true":
				modified = "+changes"
			}
		}
	}
	return fmt.Sprintf("%s (%s%s, %s, %s/%s)", cmp.Or(version, own, "dev"), commit, modified,
		runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
