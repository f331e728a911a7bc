//go:build darwin || freebsd || netbsd || openbsd || dragonfly

package loop

import (
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// poller waits for the sockets that gnet does not wait for: full ones to become
// writable, detached ones to hang up. It is one goroutine in kevent; each
// request is one-shot, so a connection is reported once for each arm.
type poller struct {
	kq   int
	stop [2]int // a pipe whose closing end ends run

	mu    sync.Mutex
	conns map[uint64]*Conn // guarded by mu: who is registered, by descriptor
}

func newPoller() (*poller, error) {
	kq, err := unix.Kqueue()
	if err != nil {
		return nil, os.NewSyscallError("kqueue", err)
	}
	unix.CloseOnExec(kq)
	p := &poller{kq: kq, conns: make(map[uint64]*Conn)}
	if err := unix.Pipe(p.stop[:]); err != nil {
		_ = unix.Close(kq)
		return nil, os.NewSyscallError("pipe", err)
	}
	var ev unix.Kevent_t
	unix.SetKevent(&ev, p.stop[0], unix.EVFILT_READ, unix.EV_ADD)
	if _, err := unix.Kevent(kq, []unix.Kevent_t{ev}, nil, nil); err != nil {
		_ = unix.Close(kq)
		return nil, os.NewSyscallError("kevent", err)
	}
	return p, nil
}

// close ends run; the descriptors are closed there.
func (p *poller) close() { _ = unix.Close(p.stop[1]) }

func (p *poller) run() {
	events := make([]unix.Kevent_t, 128)
	for {
		n, err := unix.Kevent(p.kq, nil, events, nil)
		if err != nil && err != unix.EINTR {
			return
		}
		for i := range max(n, 0) {
			ev := &events[i]
			if ev.Ident == uint64(p.stop[0]) {
				_ = unix.Close(p.stop[0])
				_ = unix.Close(p.kq)
				return
			}
			p.mu.Lock()
			c := p.conns[ev.Ident]
			p.mu.Unlock()
			if c != nil {
				// A hang-up as well: the write that follows finds it. So an event that
				// comes late, when its descriptor is another connection's already, costs
				// that one a write in vain and not its life.
				c.signal(evWritable)
			}
		}
	}
}

// register asks for one report about c's descriptor. Called on c's loop. A
// kqueue reports a hang-up with the write filter, which is also writable at
// once while there is room: without pending output it is not registered, and
// the hang-up shows at the next write.
func (p *poller) register(c *Conn, _, forWrite bool) error {
	if !forWrite {
		return nil
	}
	p.mu.Lock()
	p.conns[uint64(c.fd)] = c
	p.mu.Unlock()
	var ev unix.Kevent_t
	unix.SetKevent(&ev, int(c.fd), unix.EVFILT_WRITE, unix.EV_ADD|unix.EV_ONESHOT)
	_, err := unix.Kevent(p.kq, []unix.Kevent_t{ev}, nil, nil)
	return err
}

// forget takes fd out; called on its connection's loop, before it is closed.
func (p *poller) forget(fd int32) {
	p.mu.Lock()
	delete(p.conns, uint64(fd))
	p.mu.Unlock()
	var ev unix.Kevent_t
	unix.SetKevent(&ev, int(fd), unix.EVFILT_WRITE, unix.EV_DELETE)
	_, _ = unix.Kevent(p.kq, []unix.Kevent_t{ev}, nil, nil)
}
