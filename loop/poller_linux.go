package loop

import (
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// poller waits for the sockets that gnet does not wait for: full ones to become
// writable, detached ones to hang up. It is one goroutine in epoll_wait; each
// request is one-shot, so a connection is reported once for each arm.
type poller struct {
	ep   int
	stop int // eventfd that ends run

	mu sync.Mutex
	// guarded by mu: who is registered, by descriptor
	conns map[int32]polled
	gen   int32
}

// polled pairs a connection with the generation that its events carry, so that
// an event of a descriptor's previous owner is recognised.
type polled struct {
	c   *Conn
	gen int32
}

func newPoller() (*poller, error) {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	stop, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		_ = unix.Close(ep)
		return nil, os.NewSyscallError("eventfd", err)
	}
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(stop)}
	if err := unix.EpollCtl(ep, unix.EPOLL_CTL_ADD, stop, &ev); err != nil {
		_ = unix.Close(ep)
		_ = unix.Close(stop)
		return nil, os.NewSyscallError("epoll_ctl", err)
	}
	return &poller{ep: ep, stop: stop, conns: make(map[int32]polled)}, nil
}

// close ends run; both descriptors are closed there.
func (p *poller) close() { _, _ = unix.Write(p.stop, []byte{1, 0, 0, 0, 0, 0, 0, 0}) }

func (p *poller) run() {
	events := make([]unix.EpollEvent, 128)
	for {
		n, err := unix.EpollWait(p.ep, events, -1)
		if err != nil && err != unix.EINTR {
			return
		}
		for _, ev := range events[:max(n, 0)] {
			if ev.Fd == int32(p.stop) {
				_ = unix.Close(p.ep)
				_ = unix.Close(p.stop)
				return
			}
			p.mu.Lock()
			who := p.conns[ev.Fd]
			p.mu.Unlock()
			if who.c == nil || who.gen != ev.Pad {
				continue
			}
			if ev.Events&(unix.EPOLLHUP|unix.EPOLLERR) != 0 {
				who.c.signal(evHangup)
			} else {
				who.c.signal(evWritable)
			}
		}
	}
}

// register asks for one report about c's descriptor; known says whether it is
// registered already. Called on c's loop.
func (p *poller) register(c *Conn, known, forWrite bool) error {
	p.mu.Lock()
	who := p.conns[c.fd]
	if !known {
		p.gen++
		who = polled{c, p.gen}
		p.conns[c.fd] = who
	}
	p.mu.Unlock()
	ev := unix.EpollEvent{Events: unix.EPOLLONESHOT, Fd: c.fd, Pad: who.gen}
	if forWrite {
		ev.Events |= unix.EPOLLOUT
	}
	op := unix.EPOLL_CTL_ADD
	if known {
		op = unix.EPOLL_CTL_MOD
	}
	return unix.EpollCtl(p.ep, op, int(c.fd), &ev)
}

// forget takes fd out; called on its connection's loop, before it is closed.
func (p *poller) forget(fd int32) {
	p.mu.Lock()
	delete(p.conns, fd)
	p.mu.Unlock()
	_ = unix.EpollCtl(p.ep, unix.EPOLL_CTL_DEL, int(fd), nil)
}
