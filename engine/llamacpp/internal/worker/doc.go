// Package worker runs a runner in a process of its own, so that native code that
// crashes, hangs or eats all memory costs the requests in flight and nothing
// else.
//
// The worker is the same binary, re-executed with one end of a socket pair as
// descriptor 3. Frames (frame.go) cross it: requests and cancellations one way,
// one frame of events a step the other. Both ways are bounded: a request is
// written by its own goroutine under a deadline, events by the decode loop
// itself, which waits when the daemon does not read. The daemon always reads:
// events go into mailboxes.
//
// [Supervisor] is the daemon's side. One goroutine, locked to its thread because
// the kernel ties the parent-death signal to the thread that forked, starts the
// worker, restarts it with back-off and reports; one reads frames; one watches
// for silence and for steps that do not end, only while there is work. [Main] is
// the worker's side; it ends with its socket, however the daemon ended.
package worker
