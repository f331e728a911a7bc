package client

import (
	"os"

	"inferd/internal/rundir"
)

// DefaultSocketPaths lists where the inference socket may be, in the order in
// which a zero [Target] tries them. Directories in /tmp that somebody else
// controls are left out.
func DefaultSocketPaths() []string {
	return defaultPaths(func(p rundir.Paths) string { return p.Infer })
}

// DefaultAdminPaths lists where the admin socket may be, in the same order.
func DefaultAdminPaths() []string {
	return defaultPaths(func(p rundir.Paths) string { return p.Admin })
}

func defaultPaths(pick func(rundir.Paths) string) []string {
	var paths []string
	for _, candidate := range rundir.Candidates(os.Getenv) {
		if rundir.Trusted(candidate.Dir) == nil {
			paths = append(paths, pick(candidate))
		}
	}
	return paths
}
