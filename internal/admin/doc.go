// Package admin is the admin socket: it tells whoever may open it what the
// daemon is doing before, while and after it can serve, and takes an
// operator's commands.
//
// The [Broadcaster] owns the daemon's state as clients see it: the lifecycle
// state and one capabilities frame per backend. Publishing never blocks. The
// [Server] owns the connections: two goroutines a client, one that writes
// frames and one that reads commands. The listener, the socket's mode and its
// removal belong to the caller.
//
// A client that sends nothing sees exactly what upstream's clients see: the
// remembered capabilities, the current state, then every event as it happens.
// A client that sends a command line gets one reply frame for it, in order, in
// between the events.
//
// The package is off the request path and favours plainness over speed; its
// limits (clients, lag, line length, write time) are in limits.go.
package admin
