// Package instance makes sure that one daemon serves one set of paths: the
// single-instance lock, and the listening sockets that are bound under it.
//
// The rule for whatever lies at a path is: nothing is deleted that a daemon did
// not make. A stale socket is reclaimed, by the holder of the lock only;
// a directory, a file, a symbolic link or a socket that answers is refused
// and left as it is.
//
// Everything here runs on the goroutine that boots the daemon, before it
// serves; binding a Unix socket narrows the process's umask for a moment. The
// package accepts no connections: that is the business of loop and of the
// admin socket.
package instance
