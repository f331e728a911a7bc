// Package command is the command line of the load generator, as inferd-bench
// and as inferdctl bench. It turns flags into runs and prints reports; it runs
// on the goroutine that executes the command.
package command
