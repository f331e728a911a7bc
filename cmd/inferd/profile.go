package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
)

// The environment names files that profiles of the whole run are written to: for
// `make bench-compare` and for whoever wants to know where time and memory go.
const (
	cpuProfileEnv   = "INFERD_CPU_PROFILE"
	allocProfileEnv = "INFERD_ALLOC_PROFILE"
)

// profile starts the profiles that are asked for; call the result at the end.
func profile(env func(string) string) (stop func(), err error) {
	stopCPU, err := profileCPU(env(cpuProfileEnv))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", cpuProfileEnv, err)
	}
	stopAllocs, err := profileAllocs(env(allocProfileEnv))
	if err != nil {
		stopCPU()
		return nil, fmt.Errorf("%s: %w", allocProfileEnv, err)
	}
	return func() { stopCPU(); stopAllocs() }, nil
}

func profileCPU(path string) (stop func(), err error) {
	if path == "" {
		return func() {}, nil
	}
	f, err := create(path)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		_ = f.Close()
		return nil, err
	}
	return func() {
		pprof.StopCPUProfile()
		_ = f.Close()
	}, nil
}

// profileAllocs writes what the run has allocated, all of it counted that happens
// from here on.
func profileAllocs(path string) (stop func(), err error) {
	if path == "" {
		return func() {}, nil
	}
	f, err := create(path)
	if err != nil {
		return nil, err
	}
	runtime.MemProfileRate = 1
	return func() {
		// The profile is of the last collection but one before it.
		runtime.GC()
		runtime.GC()
		_ = pprof.Lookup("allocs").WriteTo(f, 0)
		_ = f.Close()
	}, nil
}

func create(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
}
