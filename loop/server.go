package loop

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/panjf2000/gnet/v2"
	"go.uber.org/atomic"
)

// Server is a set of event loops and the listeners that feed them. Its methods
// may be called from any goroutine.
type Server struct {
	// immutable after Start
	opt    Options
	gnet   *gnet.Client
	loops  []*eventLoop
	byLoop map[gnet.EventLoop]*eventLoop
	poller *poller
	clock  *clock

	acceptors   sync.WaitGroup // … and the enrolments that they start
	enrolments  sync.WaitGroup // goroutines that wait for gnet to take a parked connection
	decoders    sync.WaitGroup // goroutines that decode long lines
	background  sync.WaitGroup
	decodeSlots chan struct{}
	enrolSlots  chan struct{} // taken by accepted connections that no loop has yet
	// probing is held by who looks whether there are descriptors to spare, which takes
	// them for a moment, and shared by those who need theirs.
	probing sync.RWMutex

	// atomic
	timeouts  atomic.Pointer[Timeouts]
	stopping  atomic.Bool // idle connections are closed
	shut      atomic.Bool // Shutdown has been called
	connCount atomic.Int64
	nextID    atomic.Uint64
	refused   atomic.Uint64
	cut       atomic.Int64 // connections closed during a shutdown for taking too long
	inbound   atomic.Int64 // bytes of unconsumed input
	unread    atomic.Int64 // bytes of finished answers, see charge

	mu        sync.Mutex
	listeners []*Listener   // guarded by mu
	conns     []*Conn       // guarded by mu: each knows its index
	gone      chan struct{} // guarded by mu: closed when conns is empty; nil = nobody waits
}

// Start starts the loops; Serve gives them work.
func Start(opt Options) (*Server, error) {
	s := &Server{
		opt:         opt.withDefaults(),
		byLoop:      make(map[gnet.EventLoop]*eventLoop),
		decodeSlots: make(chan struct{}, max(1, min(maxDecoders, runtime.GOMAXPROCS(0)-1))),
		enrolSlots:  make(chan struct{}, enrolAtOnce),
	}
	s.SetTimeouts(opt.Timeouts)
	s.clock = newClock(s)
	var err error
	if s.poller, err = newPoller(); err != nil {
		return nil, err
	}
	s.gnet, err = gnet.NewClient(&events{srv: s},
		gnet.WithLogger(gnetLog{s.opt.Log}),
		gnet.WithNumEventLoop(s.opt.Loops),
		gnet.WithReadBufferCap(readChunkBytes),
		gnet.WithWriteBufferCap(1024), // never used: we write ourselves
		gnet.WithTCPNoDelay(gnet.TCPNoDelay))
	if err != nil {
		s.endPoller()
		return nil, fmt.Errorf("event loops: %w", err)
	}
	if err := s.gnet.Start(); err != nil {
		s.endPoller()
		return nil, fmt.Errorf("event loops: %w", err)
	}
	if err := s.startLoops(); err != nil {
		_ = s.gnet.Stop()
		s.endPoller()
		return nil, fmt.Errorf("event loops: %w", err)
	}
	s.background.Go(s.poller.run)
	s.background.Go(s.clock.run)
	return s, nil
}

// endPoller ends a poller that does not run yet: it gives its descriptors back at the
// end of its run.
func (s *Server) endPoller() {
	s.poller.close()
	s.poller.run()
}

// startLoops gives each of gnet's loops what wakes it. gnet enrols on the
// loop with the fewest connections, so each of them gets one.
func (s *Server) startLoops() error {
	for range s.opt.Loops {
		fd, nc, err := newWaker()
		if err != nil {
			return err
		}
		lp := &eventLoop{srv: s, wakeFD: fd, spare: -1}
		lp.turned.Store(true)
		lp.keepSpare()
		s.loops = append(s.loops, lp)
		if _, err := s.gnet.EnrollContext(nc, lp); err != nil {
			return err
		}
	}
	if len(s.byLoop) != s.opt.Loops {
		return fmt.Errorf("%d of %d loops can be woken", len(s.byLoop), s.opt.Loops)
	}
	return nil
}

// SetTimeouts changes the timeouts of all connections.
func (s *Server) SetTimeouts(t Timeouts) {
	s.timeouts.Store(&t)
	s.eachConn(func(lp *eventLoop, c *Conn) { lp.watch(c) })
}

// Conns lists the open connections, in no order.
func (s *Server) Conns() []*Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.conns)
}

// Conn finds an open connection; nil if there is none with that ID. It looks at all
// of them: people ask, not programs, and an index would cost each connection memory.
func (s *Server) Conn(id uint64) *Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		if c.id == id {
			return c
		}
	}
	return nil
}

// CloseConn closes a connection and cancels its task, soon. It reports whether
// there is one with that ID.
func (s *Server) CloseConn(id uint64, why Reason) bool {
	c := s.Conn(id)
	if c == nil {
		return false
	}
	c.lp.do(func() { c.lp.bury(c, why) })
	return true
}

// Count is the number of open connections, Refused how many were turned away.
func (s *Server) Count() int { return int(s.connCount.Load()) }

// Refused is how many connections were closed at once for the connection limit
// or by Handler.Accept.
func (s *Server) Refused() uint64 { return s.refused.Load() }

// Inbound is the unconsumed input of all connections, in bytes.
func (s *Server) Inbound() int64 { return s.inbound.Load() }

// Loops is the number of event loops.
func (s *Server) Loops() int { return len(s.loops) }

func (s *Server) remember(c *Conn) {
	s.mu.Lock()
	c.index = int32(len(s.conns))
	s.conns = append(s.conns, c)
	s.mu.Unlock()
}

func (s *Server) forget(c *Conn) {
	s.mu.Lock()
	last := len(s.conns) - 1
	moved := s.conns[last]
	moved.index, s.conns[c.index] = c.index, moved
	s.conns[last] = nil
	s.conns = s.conns[:last]
	if len(s.conns) == 0 && s.gone != nil {
		close(s.gone)
		s.gone = nil
	}
	s.mu.Unlock()
	s.connCount.Dec()
}

func (s *Server) watched() bool {
	for _, lp := range s.loops {
		if lp.watchCount.Load() > 0 {
			return true
		}
	}
	return false
}

// Alive says whether every loop has turned since the last call, and asks each
// to do so again. One goroutine at a time may call it.
func (s *Server) Alive() bool {
	alive := true
	for _, lp := range s.loops {
		if !lp.turned.Swap(false) {
			alive = false
		}
		lp.do(lp.sayAlive)
	}
	return alive
}

func (lp *eventLoop) sayAlive() { lp.turned.Store(true) }

// CloseListeners accepts no more connections than have been made; open ones live
// on. Clients that come without end or a loop that stands still keep it for
// lastCallLimit and stuckLimit at most, three seconds.
func (s *Server) CloseListeners() {
	s.mu.Lock()
	ls := s.listeners
	s.mu.Unlock()
	for _, l := range ls {
		l.stop()
	}
	comesBack(s.acceptors.Wait, lastCallLimit+stuckLimit)
	for _, l := range ls {
		_ = l.ln.Close()
	}
}

// Shutdown closes the listeners, lets each connection finish what it is at,
// written output included, and closes it. It cuts a connection that takes nothing of
// what is left for it for as long as patience, or has then not finished its line; 0 is
// without end. When ctx ends it cuts the rest. It returns how many were cut. The server
// is not used again; a second call does nothing.
//
// Whatever ctx says, the listeners take the time that CloseListeners does. When ctx
// has ended it waits two seconds longer at most for each of: its loops, and the lines
// being decoded. One that stands still is left behind as it is.
func (s *Server) Shutdown(ctx context.Context, patience time.Duration) (cut int) {
	s.CloseListeners()
	if !s.shut.CompareAndSwap(false, true) {
		return 0
	}
	s.stopping.Store(true)
	s.timeouts.Store(s.timeouts.Load().within(patience))
	s.mu.Lock()
	gone := make(chan struct{})
	if len(s.conns) == 0 {
		close(gone)
	} else {
		s.gone = gone
	}
	s.mu.Unlock()
	s.eachConn((*eventLoop).startAgain)
	select {
	case <-gone:
		cut = int(s.cut.Load())
	case <-ctx.Done():
		cut = s.Count() + int(s.cut.Load())
		for _, lp := range s.loops {
			lp.do(lp.drain) // what a loop had no time for is tried once
		}
		s.eachConn(func(lp *eventLoop, c *Conn) { lp.bury(c, ReasonShutdown) })
		if !comesBack(func() { <-gone }, stuckLimit) {
			return cut
		}
	}
	if !comesBack(func() { s.decoders.Wait(); s.enrolments.Wait() }, stuckLimit) {
		return cut
	}
	close(s.clock.quit)
	s.poller.close()
	s.background.Wait()
	_ = s.gnet.Stop()
	for _, lp := range s.loops {
		lp.end()
	}
	return cut
}

// comesBack says whether f returns within d. If it does not, it goes on alone.
func comesBack(f func(), d time.Duration) bool {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
		return true
	case <-time.After(d):
		return false
	}
}

// eachConn calls f for every connection, on its loop, soon.
func (s *Server) eachConn(f func(*eventLoop, *Conn)) {
	for _, lp := range s.loops {
		lp.do(func() {
			for _, c := range s.Conns() {
				if c.lp == lp && !c.dead {
					lp.contained(func() { f(lp, c) })
				}
			}
		})
	}
}
