package load

import (
	"errors"
	"syscall"

	"inferd/client"
	"inferd/codec"
)

// authLine is the first line of a TCP connection to a server with an API key;
// nil where none is needed.
func authLine(target client.Target) []byte {
	if target.TCP == "" || target.APIKey == "" {
		return nil
	}
	return codec.AppendAuth(nil, target.APIKey)
}

// isBacklogFull tells a Unix listener that cannot keep up from one that is not
// there: thousands of connections at once do that, and it passes.
func isBacklogFull(err error) bool { return errors.Is(err, syscall.EAGAIN) }
