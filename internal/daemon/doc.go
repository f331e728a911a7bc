// Package daemon is one run of inferd, from its configuration to its exit code:
// it boots the parts in the order that the operator can rely on, answers the
// admin socket's commands, reloads, and drains.
//
// The order of a boot: log, single-instance lock, admin socket, engines, ready,
// sockets, `ready`, accept. Nothing that serves is bound before every backend
// is ready, and `ready` is published when a connect would succeed.
//
// Run works on its caller's goroutine; the parts have goroutines of their own
// and are ended in reverse. The package knows every other one, and none knows
// it but cmd/inferd.
package daemon
