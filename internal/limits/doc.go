// Package limits sizes the daemon to its host: how many connections, how much
// unsent output, how much unfinished input, from the descriptor limit and the
// memory that the process may really use (its control group's, not the
// machine's, where that is less).
//
// It runs once at start, on the goroutine that boots the daemon. [Raise] is its
// only effect on the process; [Size] is a pure function.
package limits
