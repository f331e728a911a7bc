package store

import (
	"errors"
	"fmt"
)

// ErrNotFound is wrapped when a model is not in the store.
var ErrNotFound = errors.New("model is not in the store")

// ErrPullNeeded is wrapped when a model is missing and Options.AutoPull is off.
var ErrPullNeeded = errors.New("auto_pull is off")

// ErrBusy is wrapped when another process is changing the model.
var ErrBusy = errors.New("in use by another process")

// ErrNoSpace is wrapped when the disk has no room for a model.
var ErrNoSpace = errors.New("not enough disk space")

// MismatchError says that bytes are not what they should be. They lie in
// quarantine.
type MismatchError struct {
	Expected, Actual string // SHA-256, 64 hex digits
	Quarantine       string // where the bytes are now; empty if nowhere
}

// Error names both hashes and the quarantined file.
func (e *MismatchError) Error() string {
	text := fmt.Sprintf("SHA-256 mismatch (expected %s, got %s)", e.Expected, e.Actual)
	if e.Quarantine != "" {
		text += "; quarantined to " + e.Quarantine
	}
	return text
}
