// Package config turns the command line, the environment and the config file
// into one [Config], strictly.
//
// Every setting is one row of the table in settings.go; flags, environment
// names, file keys, --help, --print-config and the tables in the documentation
// are all made from that row. The order is flag, environment, file, default,
// and each value remembers where it came from.
//
// Nothing is guessed: an unknown key, a wrong type, a duplicate name or a value
// out of range is an error that names the flag, the variable or the line of the
// file, and says what is allowed. All errors are *[UsageError]: exit code 2.
//
// The package runs on the goroutine that calls it, keeps no global state, reads
// nothing but the config file and the system's list of groups, and creates nothing.
package config
