//go:build !linux

package runner

func availableMemory() (int64, error) { return 0, errUnknownMemory }
