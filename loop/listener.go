package loop

import (
	"cmp"
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/panjf2000/gnet/v2"
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
	seats   []*seat // one on each loop

	stopping sync.Once
	lastAt   time.Time // when the last call ends, whoever still comes; set before closed
	closed   atomic.Bool

	// owned by the acceptor
	tried    []int       // descriptors that canOpen holds for a moment
	patience *time.Timer // of awaitUnlessBusy
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
	for _, lp := range s.loops {
		l.seats = append(l.seats, &seat{lp: lp, ln: l, maxOutput: s.opt.MaxOutputBytes})
	}
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
	l.patience = time.NewTimer(0)
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
	seat := slices.MinFunc(l.seats, func(a, b *seat) int {
		return cmp.Compare(a.lp.connCount.Load(), b.lp.connCount.Load())
	})
	seat.lp.connCount.Inc()
	c := &Conn{
		seat: seat, id: id, tag: tag, fd: -1, opened: Nanotime(), authed: !l.opt.NeedKey,
	}
	alone := len(s.enrolSlots) == 0
	s.enrolSlots <- struct{}{}
	l.awaitDescriptors()
	enrolled := make(chan struct{})
	s.acceptors.Go(func() {
		defer close(enrolled)
		l.enrol(c, nc)
		<-s.enrolSlots
	})
	if alone {
		l.awaitUnlessBusy(seat.lp, enrolled)
	}
}

// awaitUnlessBusy waits for one enrolment, so that clients are served in the order
// in which they came. A loop with its hands full comes by once in some milliseconds
// and then takes all who stand there: the acceptor goes on to the next one.
func (l *Listener) awaitUnlessBusy(lp *eventLoop, enrolled <-chan struct{}) {
	defer l.patience.Stop()
	for waited := time.Duration(0); waited < enrolPatienceMax; waited += enrolPatience {
		rounds := lp.rounds.Load()
		l.patience.Reset(enrolPatience)
		select {
		case <-enrolled:
			return
		case <-l.patience.C:
		}
		if lp.rounds.Load() != rounds {
			return
		}
	}
}

// enrol gives a connection to its loop.
func (l *Listener) enrol(c *Conn, nc net.Conn) {
	s := l.srv
	s.probing.RLock()
	defer s.probing.RUnlock()
	// gnet duplicates nc's descriptor and closes nc.
	done, err := c.lp.el.Enroll(gnet.NewContext(context.Background(), c), nc)
	if err == nil {
		err = (<-done).Err
	} else {
		_ = nc.Close()
	}
	if err == nil && c.taken {
		return
	}
	if err != nil {
		s.opt.OnAcceptError(err)
	}
	c.lp.connCount.Dec()
	s.connCount.Dec()
	l.handler.Closed(c, ReasonRead)
}

// awaitDescriptors waits until there are enough to spare: gnet needs one for a
// moment, beside the accepted one, for each of the connections that are being
// enrolled, and would drop the client without it.
func (l *Listener) awaitDescriptors() {
	backoff := acceptBackoffMin
	for !l.closed.Load() {
		if l.srv.hasManyDescriptors() {
			return
		}
		need := len(l.srv.enrolSlots)
		if int(l.srv.connCount.Load()) > need {
			need += enrolReserve // else there is nobody whose end would bring more
		}
		err := l.canOpen(need)
		if err == nil {
			return
		}
		l.srv.opt.OnAcceptError(err)
		time.Sleep(backoff)
		backoff = min(2*backoff, acceptBackoffMax)
	}
}

// hasManyDescriptors says whether the limit is so far away that there is no need
// to count: a connection has one, and its request may have another to an engine.
func (s *Server) hasManyDescriptors() bool {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return false
	}
	return limit.Cur > uint64(2*s.connCount.Load()+manyDescriptors)
}

// canOpen opens n descriptors and closes them again.
func (l *Listener) canOpen(n int) error {
	l.srv.probing.Lock()
	defer l.srv.probing.Unlock()
	l.tried = l.tried[:0]
	var err error
	for len(l.tried) < n && err == nil {
		var fd int
		fd, err = unix.FcntlInt(uintptr(l.srv.loops[0].wakeFD), unix.F_DUPFD_CLOEXEC, 0)
		if err == nil {
			l.tried = append(l.tried, fd)
		}
	}
	for _, fd := range l.tried {
		_ = unix.Close(fd)
	}
	return err
}

// stop ends accepting. Closing resets the clients in the kernel's queue, who
// have connected as far as they know and may have asked already, so they are
// accepted first.
func (l *Listener) stop() {
	l.stopping.Do(func() { l.lastAt = time.Now().Add(lastCallLimit) })
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
