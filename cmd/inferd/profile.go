package main

import (
	"fmt"
	"os"
	"runtime/pprof"
)

// profileEnv names a file that a CPU profile of the whole run is written to: for
// `make bench-compare` and for whoever wants to know where the time goes.
const profileEnv = "INFERD_CPU_PROFILE"

// profile starts the profile if one is asked for; call the result at the end.
func profile(env func(string) string) (stop func(), err error) {
	path := env(profileEnv)
	if path == "" {
		return func() {}, nil
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", profileEnv, err)
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("%s: %w", profileEnv, err)
	}
	return func() {
		pprof.StopCPUProfile()
		_ = f.Close()
	}, nil
}
