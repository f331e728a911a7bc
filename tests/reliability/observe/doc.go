// Package observe looks at a running daemon from outside, as an operator would:
// by the admin socket's commands, by the metrics, and by what the kernel tells
// of its process. Like harness it imports nothing of the daemon.
package observe
