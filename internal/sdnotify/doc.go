// Package sdnotify tells the service manager what the daemon is doing and takes
// the sockets that it may pass.
//
// It is a thin layer over go-systemd. Without systemd (no NOTIFY_SOCKET, no
// LISTEN_FDS) everything here does nothing and succeeds, so callers need not
// ask. The watchdog loop runs on a goroutine of its caller's; the package
// starts none.
package sdnotify
