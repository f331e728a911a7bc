// Package admit decides, in one atomic operation, whether a request may enter
// the daemon, and holds the admitted ones in arrival order until a worker takes
// them.
//
// [Gate] is the exact counter: capacity is what may run plus what may wait.
// [Queue] is the FIFO between the event loops and the engine's workers.
// A request holds one [Ticket] from admission until its engine work has really
// stopped, so running work can never exceed what the gate let in.
//
// Everything here may be called from any goroutine. The package does no I/O,
// starts no goroutine, knows no wire format and imports no sibling. Admission
// and rejection take no lock; only the hand-over of an admitted request to a
// worker does, for a few instructions (see [Queue]).
package admit
