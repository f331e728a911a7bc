package sdnotify

import (
	"io"
	"os"

	"github.com/coreos/go-systemd/v22/journal"
)

// IsJournal says whether w is the process's stderr and goes to systemd's journal, which
// has its own times and takes priorities from the beginning of a line.
func IsJournal(w io.Writer) bool {
	if w != io.Writer(os.Stderr) {
		return false
	}
	is, err := journal.StderrIsJournalStream()
	return err == nil && is
}

// ErrorPriority begins a line that the journal keeps as an error.
const ErrorPriority = "<3>"
