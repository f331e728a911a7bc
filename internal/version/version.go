package version

import (
	"runtime"
	"runtime/debug"
)

// Version is set by the linker: -X inferd/internal/version.Version=1.2.3.
var Version = "0.3.0-dev"

// Commit is the revision that the toolchain recorded, shortened; "unknown"
// outside a repository.
func Commit() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	revision, dirty := "unknown", ""
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			revision = s.Value[:min(12, len(s.Value))]
		case "vcs.modified":
			if s.Value == "true" {
				dirty = "+dirty"
			}
		}
	}
	return revision + dirty
}

// Go is the toolchain that built this.
func Go() string { return runtime.Version() }
