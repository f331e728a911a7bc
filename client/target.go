package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
)

// Target names a daemon's inference socket. The zero Target means the Unix
// socket at the default place of this user.
type Target struct {
	// Unix is the path of a Unix socket.
	Unix string
	// TCP is an address as net.Dial takes it. Set at most one of Unix and TCP.
	TCP string
	// APIKey is sent as the first line of a TCP connection when not empty.
	// Unix sockets need none and never get one.
	APIKey string
}

// String gives the target in the form "unix:PATH" or "tcp:ADDR", without its
// key.
func (t Target) String() string {
	switch {
	case t.Unix != "":
		return "unix:" + t.Unix
	case t.TCP != "":
		return "tcp:" + t.TCP
	default:
		return "the default socket"
	}
}

// ParseTarget reads "unix:PATH", "tcp:HOST:PORT", a path (anything with a
// slash) or HOST:PORT. The empty string is the zero Target.
func ParseTarget(s string) (Target, error) {
	switch {
	case s == "":
		return Target{}, nil
	case strings.HasPrefix(s, "unix:"):
		return Target{Unix: strings.TrimPrefix(s, "unix:")}, nil
	case strings.ContainsRune(s, '/') && !strings.HasPrefix(s, "tcp:"):
		return Target{Unix: s}, nil
	}
	addr := strings.TrimPrefix(s, "tcp:")
	if _, _, err := net.SplitHostPort(addr); err != nil {
		return Target{}, fmt.Errorf("target %q: want unix:PATH, a path or HOST:PORT: %w", s, err)
	}
	return Target{TCP: addr}, nil
}

// noUnix is the path that means no Unix socket, as the daemon takes it.
const noUnix = "none"

// TargetFromFlags is the target that a command line and the environment of the
// daemon name: uds, tcp and apiKey are the values of flags, empty if not given;
// INFERD_UDS, INFERD_TCP and INFERD_API_KEY stand in for them. A flag beats any
// variable, and INFERD_UDS beats INFERD_TCP unless it is "none". The zero Target
// means that nothing was named.
func TargetFromFlags(uds, tcp, apiKey string) (Target, error) {
	if tcp == "" {
		uds = cmp.Or(uds, os.Getenv("INFERD_UDS"))
		if uds == "" || uds == noUnix {
			tcp = os.Getenv("INFERD_TCP")
		}
	}
	switch {
	case uds == noUnix && tcp == "":
		return Target{}, errors.New("no Unix socket and no TCP address: give one with --tcp")
	case uds == noUnix:
		uds = ""
	case uds != "" && tcp != "":
		return Target{}, errors.New("--uds and --tcp exclude each other")
	}
	return Target{Unix: uds, TCP: tcp, APIKey: cmp.Or(apiKey, os.Getenv("INFERD_API_KEY"))}, nil
}

// dial opens the connection; for the zero Target it tries each of the default
// paths.
func (t Target) dial(ctx context.Context, defaults func() []string) (net.Conn, error) {
	var d net.Dialer
	switch {
	case t.Unix != "" && t.TCP != "":
		return nil, errors.New("target names both a Unix path and a TCP address: set one")
	case t.TCP != "":
		return d.DialContext(ctx, "tcp", t.TCP)
	case t.Unix != "":
		return d.DialContext(ctx, "unix", t.Unix)
	}
	var first error
	for _, path := range defaults() {
		conn, err := d.DialContext(ctx, "unix", path)
		if err == nil {
			return conn, nil
		}
		// A place that exists but refuses us says more than one that does not
		// exist, so prefer its error.
		if first == nil || (errors.Is(first, fs.ErrNotExist) && !errors.Is(err, fs.ErrNotExist)) {
			first = err
		}
	}
	return nil, cmp.Or(first, errors.New("no default socket path: name one"))
}
