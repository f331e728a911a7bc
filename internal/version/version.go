package version

import (
	"cmp"
	"runtime"
	"runtime/debug"
)

// Version is set by the linker: -X inferd/internal/version.Version=1.2.3.
var Version = "0.3.0-dev"

// commit is set by the linker as Version is, where the toolchain is told not to
// record the revision (-buildvcs=false); empty outside a repository.
var commit string

// Commit is the revision that this was built from, shortened: what the
// toolchain recorded, else what the linker was told; "unknown" without either.
func Commit() string {
	revision, dirty := cmp.Or(commit, "unknown"), ""
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return revision
	}
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
