//go:build !linux

package main

// allowedCores is unknown here: nothing is pinned.
func allowedCores() []int { return nil }
