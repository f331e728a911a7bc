// Package rawsock sends to and receives from sockets without blocking and without
// telling Go's scheduler, which is for calls that may block: entering and leaving
// such a call costs a tenth of it, and the scheduler's monitor, awake every 20 µs
// while a goroutine looks blocked, costs a thread that does nothing else another
// tenth. Both are measured in docs/design.md.
//
// The functions keep no state; each socket is for one goroutine at a time.
package rawsock
