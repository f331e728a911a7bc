//go:build !linux

package llamacpp

// cpuVariant is empty: elsewhere the releases have one CPU library for all.
func cpuVariant() string { return "" }
