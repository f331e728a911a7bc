package loop

import (
	"errors"
	"net"
	"time"

	"go.uber.org/atomic"
	"golang.org/x/sys/unix"
)

// Listener is one listening socket of a Server and what its connections speak.
type Listener struct {
	// immutable
	srv     *Server
	ln      net.Listener
	handler Handler
	opt     ListenOptions

	lastAt time.Time // when the last call ends, whoever still comes; set before closed
	closed atomic.Bool
}

// ListenOptions say how a listener's connections are treated.
type ListenOptions struct {
	// NeedKey makes the first line of each connection the API key's
	// (Lane.Auth).
	NeedKey bool
	// Shared says that the socket outlives this listener, which then leaves who
	// stands in the kernel's queue to whoever listens next.
	Shared bool
}

// Serve accepts connections from ln until it is closed by CloseListeners. It
// owns ln from then on. It may be called for several listeners.
func (s *Server) Serve(ln net.Listener, h Handler, o ListenOptions) {
	l := &Listener{srv: s, ln: ln, handler: h, opt: o}
	s.mu.Lock()
	s.listeners = append(s.listeners, l)
	s.mu.Unlock()
	s.acceptors.Go(l.accept)
}

// accept hands sockets to the loops. A failed accept is waited out: what is
// short now (descriptors, memory) comes back, and meanwhile clients stand in
// the kernel's queue.
func (l *Listener) accept() {
	backoff := acceptBackoffMin
	for {
		nc, err := l.ln.Accept()
		switch {
		case err == nil:
			backoff = acceptBackoffMin
			l.admit(nc)
			if l.closed.Load() {
				_ = l.lastCall()
			}
		case errors.Is(err, net.ErrClosed) || l.closed.Load():
			return
		default:
			l.srv.opt.OnAcceptError(err)
			time.Sleep(backoff)
			backoff = min(2*backoff, acceptBackoffMax)
		}
	}
}

func (l *Listener) admit(nc net.Conn) {
	s := l.srv
	if s.connCount.Inc() > int64(s.opt.MaxConnections) {
		s.connCount.Dec()
		s.refused.Inc()
		s.opt.OnRefused()
		_ = nc.Close()
		return
	}
	id := s.nextID.Inc()
	tag, ok := l.handler.Accept(nc, id)
	if !ok {
		s.connCount.Dec()
		s.refused.Inc()
		_ = nc.Close()
		return
	}
	c := &Conn{
		id: id, tag: tag, ln: l, fd: -1, opened: Nanotime(), authed: !l.opt.NeedKey,
	}
	l.awaitDescriptor()
	// Enrolling duplicates nc's descriptor, closes nc, and waits for the loop.
	_, err := s.gnet.EnrollContext(nc, c)
	if err == nil && c.lp != nil {
		return
	}
	if err != nil {
		s.opt.OnAcceptError(err)
	}
	s.connCount.Dec()
	l.handler.Closed(c, ReasonRead)
}

// awaitDescriptor waits until there is one to spare. gnet needs it for a moment
// beside the accepted one, and would drop the client without it.
func (l *Listener) awaitDescriptor() {
	backoff := acceptBackoffMin
	for !l.closed.Load() {
		fd, err := unix.FcntlInt(uintptr(l.srv.loops[0].wakeFD), unix.F_DUPFD_CLOEXEC, 0)
		if err == nil {
			_ = unix.Close(fd)
			return
		}
		l.srv.opt.OnAcceptError(err)
		time.Sleep(backoff)
		backoff = min(2*backoff, acceptBackoffMax)
	}
}

// stop ends accepting. Closing resets the clients in the kernel's queue, who
// have connected as far as they know and may have asked already, so they are
// accepted first.
func (l *Listener) stop() {
	l.lastAt = time.Now().Add(lastCallLimit)
	l.closed.Store(true)
	if l.opt.Shared || l.lastCall() != nil {
		_ = l.ln.Close()
	}
}

// lastCall lets Accept return what is queued, or an error within lastCallTime.
func (l *Listener) lastCall() error {
	ln, ok := l.ln.(interface{ SetDeadline(time.Time) error })
	if !ok {
		return errors.ErrUnsupported
	}
	at := time.Now().Add(lastCallTime)
	if at.After(l.lastAt) {
		at = l.lastAt
	}
	return ln.SetDeadline(at)
}
