// Package sdnotify tells the service manager what the daemon is doing.
//
// It is a thin layer over go-systemd. Without a service manager (no
// NOTIFY_SOCKET) everything here does nothing and succeeds, so callers need not
// ask. The watchdog loop runs on a goroutine of its caller's; the package
// starts none. Sockets that the service manager passes are taken by instance.
package sdnotify
