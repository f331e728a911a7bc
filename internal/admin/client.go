package admin

import (
	"bufio"
	"bytes"
	"errors"
	"net"
	"time"
)

// client is one connection and its two goroutines.
type client struct {
	// immutable
	server  *Server
	conn    net.Conn
	replies chan []byte   // from the reader to the writer, unbuffered
	gone    chan struct{} // closed by the reader: hang up
	done    chan struct{} // closed by the writer: hung up
}

func newClient(s *Server, conn net.Conn) *client {
	return &client{
		server:  s,
		conn:    conn,
		replies: make(chan []byte),
		gone:    make(chan struct{}),
		done:    make(chan struct{}),
	}
}

// write owns the connection's output. It ends when the subscription does, when
// a write fails or when the reader says so, and closes the connection.
func (c *client) write() {
	defer c.server.wg.Done()
	b := c.server.o.Broadcaster
	sub := b.subscribe(c.lag)
	defer func() {
		b.unsubscribe(sub)
		c.server.forget(c)
		_ = c.conn.Close() // also after lag, which closed it already
		close(c.done)
	}()
	for _, frame := range sub.snapshot {
		if !c.send(frame) {
			return
		}
	}
	events := sub.events
	for {
		select {
		case frame, ok := <-events:
			if !ok {
				// The end. A command that runs still gets its reply; the reader
				// takes no further one.
				events = nil
				_ = c.conn.SetReadDeadline(time.Unix(0, 0))
				continue
			}
			if !c.send(frame) {
				return
			}
		case frame := <-c.replies:
			if !c.send(frame) {
				return
			}
		case <-c.gone:
			return
		}
	}
}

func (c *client) send(frame []byte) bool {
	// Both errors mean that the client is gone, which is its right.
	if err := c.conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return false
	}
	_, err := c.conn.Write(frame)
	return err == nil
}

// lag is called by the publisher: the writer may hang in a write, so the
// connection is closed under it.
func (c *client) lag() {
	c.server.o.Log.Warn("admin client lagged broadcast; closing", "limit_frames", maxLagFrames)
	_ = c.conn.Close()
}

// read owns the connection's input: commands, if any ever come.
func (c *client) read() {
	defer c.server.wg.Done()
	defer close(c.gone)
	refusal := c.server.o.MayCommand(c.conn)
	lines := bufio.NewScanner(c.conn)
	lines.Buffer(nil, maxCommandBytes+1)
	for lines.Scan() {
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		if !c.reply(answer(line, c.server.o.Commands, refusal)) {
			return
		}
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		c.reply(failed("", "command line is longer than 64 KiB"))
	case err == nil:
		c.awaitHangUp()
	}
}

func (c *client) reply(frame []byte) bool {
	select {
	case c.replies <- frame:
		return true
	case <-c.done:
		return false
	}
}

// awaitHangUp keeps a client that only closed its sending side: it may go on
// watching. Its final departure shows in no read, so it is asked for.
func (c *client) awaitHangUp() {
	for !hungUp(c.conn) {
		select {
		case <-time.After(hangUpPoll):
		case <-c.done:
			return
		case <-c.server.done:
			return
		}
	}
}
