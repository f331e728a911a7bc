// Package loop owns the sockets: it accepts connections, reads lines, hands
// them to a [Handler], and writes what the handler and its workers answer. It is
// the only package that imports gnet.
//
// # Goroutines
//
// An acceptor goroutine per listener hands sockets to one of a few event loops,
// and a connection stays with its loop for life. Everything about a connection
// is owned by that loop except its outbox, which workers fill under a mutex.
// One more goroutine waits for sockets that are full (the poller), one drives
// the deadlines (the clock), and lines too long to decode without making others
// wait are decoded on goroutines of their own, a bounded number at a time.
//
// # The way of a request
//
// The loop splits its input at newlines and gives each line to the connection's
// [Lane]. A line that is answered at once (a rejection) is answered from the
// loop's own buffer: no pool, no lock, no goroutine. A line that becomes a
// request makes the connection busy: later lines wait in order, so one
// connection is answered strictly in sequence. Workers append frames with
// [Conn.Write]; the first append puts the connection on its loop's lock-free
// dirty list and only a list that was empty wakes the loop, which then writes
// everything pending with one system call. [Conn.Finish] ends the request and
// lets the next line go.
//
// # Limits
//
// Input is bounded per line, per connection (a client that pipelines more than
// the read-ahead is not read until it is answered: backpressure by the kernel)
// and in total; output is bounded in bytes (a worker that meets a full outbox
// waits) and in time (a reader that takes nothing is closed with a reason).
//
// The package never interprets a line, never logs a byte of one, and never
// touches a descriptor off the loop that owns it.
package loop
