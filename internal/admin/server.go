package admin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"
)

// Options configure a Server.
type Options struct {
	Broadcaster *Broadcaster
	Commands    Commands // nil: every command is refused
	Log         *slog.Logger

	// MayCommand says why the client of conn may not send commands, nil if it
	// may. Watching is open to whoever can connect. Nil: nobody may.
	MayCommand func(conn net.Conn) error
}

// errNoCommands is the refusal of a Server that was given no MayCommand.
var errNoCommands = errors.New("commands are not permitted on this socket")

// Server serves the admin protocol on one listener.
type Server struct {
	// immutable
	o    Options
	done chan struct{} // closed by Close

	mu      sync.Mutex
	ln      net.Listener         // guarded by mu
	clients map[*client]struct{} // guarded by mu
	closed  bool                 // guarded by mu
	wg      sync.WaitGroup       // clients; Add under mu while not closed
}

// NewServer makes a server that Serve starts.
func NewServer(o Options) *Server {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.MayCommand == nil {
		o.MayCommand = func(net.Conn) error { return errNoCommands }
	}
	return &Server{o: o, done: make(chan struct{}), clients: map[*client]struct{}{}}
}

// Serve accepts clients until Close, then returns nil. Accept errors that pass,
// such as a lack of descriptors, only make it pause.
func (s *Server) Serve(ln net.Listener) error {
	s.mu.Lock()
	s.ln = ln
	closed := s.closed
	s.mu.Unlock()
	if closed {
		return ln.Close()
	}
	backoff := minAcceptBackoff
	for {
		conn, err := ln.Accept()
		if err == nil {
			backoff = minAcceptBackoff
			s.admit(conn)
			continue
		}
		if s.isClosed() {
			return nil
		}
		if errors.Is(err, net.ErrClosed) {
			return fmt.Errorf("admin listener was closed: %w", err)
		}
		s.o.Log.Warn("admin accept failed", "error", err, "retry_in", backoff)
		select {
		case <-time.After(backoff):
		case <-s.done:
		}
		backoff = min(2*backoff, maxAcceptBackoff)
	}
}

func (s *Server) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// admit starts a client, or closes a surplus one.
func (s *Server) admit(conn net.Conn) {
	c := newClient(s, conn)
	s.mu.Lock()
	closed := s.closed
	admitted := !closed && len(s.clients) < maxClients
	if admitted {
		s.clients[c] = struct{}{}
		s.wg.Add(2)
	}
	s.mu.Unlock()
	if !admitted {
		if !closed {
			s.o.Log.Warn("admin client refused; too many are connected", "limit", maxClients)
		}
		_ = conn.Close() // nothing was promised to it
		return
	}
	go c.write()
	go c.read()
}

func (s *Server) forget(c *client) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.clients, c)
}

// Close stops accepting, sends every client what is queued for it, and hangs
// up; after closeTimeout it hangs up anyway. It returns an error if ctx ends
// while a command is still running.
func (s *Server) Close(ctx context.Context) error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.done)
		if s.ln != nil {
			_ = s.ln.Close() // the socket's file is the caller's business
		}
	}
	s.mu.Unlock()
	s.o.Broadcaster.close()

	ended := make(chan struct{})
	go func() {
		s.wg.Wait()
		close(ended)
	}()
	grace := time.NewTimer(closeTimeout)
	defer grace.Stop()
	select {
	case <-ended:
		return nil
	case <-grace.C:
	case <-ctx.Done():
	}
	s.mu.Lock()
	for c := range s.clients {
		_ = c.conn.Close() // its goroutines see the error
	}
	s.mu.Unlock()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("closing admin clients: %w", ctx.Err())
	}
}
