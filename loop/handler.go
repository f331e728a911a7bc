package loop

import "net"

// Handler makes something of the lines of one listener's connections.
type Handler interface {
	// Accept looks at a fresh socket on the acceptor's goroutine. tag is kept
	// for Conn.Tag; false refuses the connection, which is closed at once.
	Accept(nc net.Conn) (tag any, ok bool)

	// NewLane makes one goroutine's view of the handler: each event loop has
	// its own, and each decoder of long lines.
	NewLane() Lane

	// Cancel tells a task (see Conn.Attach) that nobody waits for it. It is
	// called with the connection locked: it must be short, and must not call
	// the connection.
	Cancel(c *Conn, task any)

	// Closed is called once for each connection that Accept let in, on its loop
	// (or the acceptor's goroutine if no loop took it).
	Closed(c *Conn, reason Reason)
}

// Lane handles lines on one goroutine. Its methods are called from that
// goroutine only and must not block.
type Lane interface {
	// Line handles one non-blank line, without its newline; at least one more
	// byte is readable behind it. It appends what is to be answered at once to
	// dst. The line is valid only during the call.
	Line(c *Conn, line, dst []byte) ([]byte, Action)

	// Auth says whether line is the key that the listener wants first.
	Auth(c *Conn, line []byte) bool

	// Fault appends what a client is told before its connection is closed for
	// f. It may append nothing.
	Fault(c *Conn, f Fault, dst []byte) []byte
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
