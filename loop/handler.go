package loop

import "net"

// Handler makes something of the lines of one listener's connections.
type Handler interface {
	// Accept looks at a fresh socket on the acceptor's goroutine; id is what
	// Conn.ID will be. tag is kept for Conn.Tag; false refuses the connection,
	// which is closed at once.
	Accept(nc net.Conn, id uint64) (tag any, ok bool)

	// NewLane makes one goroutine's view of the handler: each event loop has
	// its own, and each decoder of long lines.
	NewLane() Lane

	// Closed is called once for each connection that Accept let in, on its loop
	// (or, if no loop took it, on a goroutine of its own).
	Closed(c *Conn, reason Reason)
}

// Lane handles lines on one goroutine. Its methods are called from that
// goroutine only and must not block.
type Lane interface {
	// Line handles one non-blank line, without its newline. It appends what is to
	// be answered at once to dst. The line is valid only during the call, unless keep is set: then its
	// memory is the lane's to keep (a long line, in a buffer of its own). at is
	// when the loop took it up, on the clock of Nanotime; see eventLoop.roundAt.
	Line(c *Conn, line, dst []byte, at int64, keep bool) ([]byte, Action)

	// Recycle gives back a task that has ended: nobody else refers to it. That of a
	// connection that ends first may never come back.
	Recycle(t Task)

	// Auth says whether line is the key that the listener wants first.
	Auth(c *Conn, line []byte) bool

	// Fault appends what a client is told before its connection is closed for
	// f. It may append nothing.
	Fault(c *Conn, f Fault, dst []byte) []byte
}

// Task is what a connection is busy with. Both methods are called with the
// connection locked, so Cancel cannot overtake Start and neither can overlap
// Conn.Finish: they must be short and must not call the connection.
type Task interface {
	// Start hands the task to whoever works on it.
	Start()
	// Cancel says that nobody waits for the answer any more, and why. The task
	// has still to end by itself; its Write and Finish do nothing from now on.
	Cancel(why Reason)
}

// Action is what becomes of a connection after a line.
type Action uint8

const (
	// Next: the line is dealt with; the next one may come.
	Next Action = iota
	// Busy: the line became a task; nothing more is read from the connection
	// until Conn.Finish.
	Busy
	// Close: what was appended is the last the client hears.
	Close
)

// Fault is a client error that the loop itself detects.
type Fault uint8

const (
	// FaultTooLarge: a line above Options.MaxLineBytes.
	FaultTooLarge Fault = iota
	// FaultInbound: all connections together hold Options.MaxInboundBytes of
	// unfinished input, and this one wanted more.
	FaultInbound
	// FaultPanic: handling a line panicked; contained.
	FaultPanic
)
