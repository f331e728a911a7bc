package config

import "fmt"

// UsageError is a mistake in the command line, the environment or the config
// file: the process prints it and exits with code 2.
type UsageError struct {
	// Text says what is wrong and what is allowed; it may have several lines,
	// one a problem. It never contains a secret's value.
	Text string
}

// Error gives the text.
func (e *UsageError) Error() string { return e.Text }

func usagef(format string, args ...any) *UsageError {
	return &UsageError{Text: fmt.Sprintf(format, args...)}
}
