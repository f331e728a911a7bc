// Package report writes the results of load runs: text for people, JSON, CSV,
// lines for benchstat, and plots. It computes nothing that load did not measure
// and keeps nothing.
package report
