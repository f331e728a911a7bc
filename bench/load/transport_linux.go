package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"inferd/client"
	"inferd/loop/rawsock"
)

// epollTransport is raw sockets on one epoll: the net package would register
// every descriptor with the runtime's poller too and wake it for each answer.
type epollTransport struct {
	target  client.Target
	address unix.Sockaddr
	family  int
	epoll   int
	slots   []epollSlot
	events  []unix.EpollEvent
	buffer  []byte
}

type epollSlot struct {
	fd      int // -1: closed
	chunk   int
	paused  bool
	pending []byte // what the socket did not take yet
}

// newTransport picks epoll, unless the portable way was asked for.
func newTransport(c *Config) (transport, error) {
	if c.Portable {
		return newNetTransport(c.Target, c.Conns), nil
	}
	return newEpollTransport(c.Target, c.Conns)
}

func newEpollTransport(target client.Target, slots int) (*epollTransport, error) {
	t := &epollTransport{
		target: target,
		slots:  make([]epollSlot, slots),
		events: make([]unix.EpollEvent, 512),
		buffer: make([]byte, readBufferBytes),
	}
	for i := range t.slots {
		t.slots[i].fd = -1
	}
	var err error
	if t.address, t.family, err = socketAddress(target); err != nil {
		return nil, err
	}
	if t.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	return t, nil
}

func socketAddress(target client.Target) (unix.Sockaddr, int, error) {
	if target.Unix != "" {
		return &unix.SockaddrUnix{Name: target.Unix}, unix.AF_UNIX, nil
	}
	addr, err := net.ResolveTCPAddr("tcp", target.TCP)
	if err != nil {
		return nil, 0, err
	}
	if ip := addr.IP.To4(); ip != nil {
		return &unix.SockaddrInet4{Port: addr.Port, Addr: [4]byte(ip)}, unix.AF_INET, nil
	}
	if addr.IP == nil {
		return &unix.SockaddrInet4{Port: addr.Port, Addr: [4]byte{127, 0, 0, 1}}, unix.AF_INET, nil
	}
	return &unix.SockaddrInet6{
		Port: addr.Port, Addr: [16]byte(addr.IP), ZoneId: zoneID(addr.Zone),
	}, unix.AF_INET6, nil
}

// zoneID is the number of a link-local address's zone, an interface's name or number; 0 is
// none.
func zoneID(zone string) uint32 {
	if i, err := net.InterfaceByName(zone); err == nil {
		return uint32(i.Index)
	}
	n, _ := strconv.ParseUint(zone, 10, 32)
	return uint32(n)
}

func (t *epollTransport) open(ctx context.Context, slot, chunk int) error {
	fd, err := t.connect(ctx)
	if err != nil {
		return fmt.Errorf("connect to %s: %w", t.target, err)
	}
	event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(slot)}
	if err := unix.EpollCtl(t.epoll, unix.EPOLL_CTL_ADD, fd, &event); err != nil {
		_ = unix.Close(fd)
		return err
	}
	t.slots[slot] = epollSlot{fd: fd, chunk: chunk}
	return nil
}

// connect makes a connected socket and sends the API key on it.
func (t *epollTransport) connect(ctx context.Context) (int, error) {
	fd, err := unix.Socket(t.family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, err
	}
	err = t.establish(ctx, fd)
	if err == nil && t.family != unix.AF_UNIX {
		err = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	}
	if line := authLine(t.target); err == nil && line != nil {
		_, err = unix.Write(fd, line)
	}
	if err != nil {
		_ = unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// establish connects fd, which does not block.
func (t *epollTransport) establish(ctx context.Context, fd int) error {
	for {
		err := unix.Connect(fd, t.address)
		switch {
		case err == nil || err == unix.EISCONN:
			return nil
		case err == unix.EINPROGRESS || err == unix.EALREADY:
			fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
			_, _ = unix.Poll(fds, int(pollInterval/time.Millisecond))
		case isBacklogFull(err) || err == unix.EINTR:
			time.Sleep(time.Millisecond)
		default:
			return err
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%w: %w", ctx.Err(), err)
		}
	}
}

func (t *epollTransport) write(slot int, b []byte) error {
	s := &t.slots[slot]
	if len(s.pending) > 0 {
		s.pending = append(append([]byte(nil), s.pending...), b...)
		return nil
	}
	n, err := writeFD(s.fd, b)
	if err != nil || n == len(b) {
		return err
	}
	s.pending = b[n:]
	return t.arm(slot)
}

// writeFD writes what the socket takes; a full socket is no error.
func writeFD(fd int, b []byte) (int, error) {
	n, err := rawsock.Send(fd, b)
	if err == unix.EAGAIN || err == unix.EINTR {
		return 0, nil
	}
	return max(n, 0), err
}

// arm tells epoll what the slot waits for now.
func (t *epollTransport) arm(slot int) error {
	s := &t.slots[slot]
	event := unix.EpollEvent{Fd: int32(slot)}
	if !s.paused {
		event.Events |= unix.EPOLLIN
	}
	if len(s.pending) > 0 {
		event.Events |= unix.EPOLLOUT
	}
	return unix.EpollCtl(t.epoll, unix.EPOLL_CTL_MOD, s.fd, &event)
}

func (t *epollTransport) wait(
	timeout time.Duration, handle func(slot int, data []byte, err error),
) error {
	n, err := t.sleep(timeout)
	if err != nil {
		return err
	}
	for _, event := range t.events[:n] {
		slot := int(event.Fd)
		if t.slots[slot].fd < 0 {
			continue // closed by an earlier handle
		}
		if event.Events&unix.EPOLLOUT != 0 {
			if err := t.flush(slot); err != nil {
				handle(slot, nil, err)
				continue
			}
		}
		if event.Events&^uint32(unix.EPOLLOUT) != 0 {
			t.read(slot, handle)
		}
	}
	return nil
}

// sleep waits for events. epoll itself counts in milliseconds, which is too
// coarse for a schedule: shorter waits go through ppoll.
func (t *epollTransport) sleep(timeout time.Duration) (int, error) {
	var n int
	var err error
	if timeout >= time.Millisecond {
		n, err = unix.EpollWait(t.epoll, t.events, int(timeout/time.Millisecond))
	} else {
		n, err = unix.EpollWait(t.epoll, t.events, 0)
		if n == 0 && err == nil && timeout > 0 {
			fds := []unix.PollFd{{Fd: int32(t.epoll), Events: unix.POLLIN}}
			limit := unix.NsecToTimespec(int64(timeout))
			if _, err = unix.Ppoll(fds, &limit, nil); err == nil {
				n, err = unix.EpollWait(t.epoll, t.events, 0)
			}
		}
	}
	if errors.Is(err, unix.EINTR) {
		return 0, nil
	}
	return max(n, 0), err
}

func (t *epollTransport) read(slot int, handle func(slot int, data []byte, err error)) {
	s := &t.slots[slot]
	buffer := t.buffer
	if s.chunk > 0 {
		buffer = buffer[:min(s.chunk, len(buffer))]
	}
	n, err := rawsock.Receive(s.fd, buffer)
	switch {
	case err == unix.EAGAIN || err == unix.EINTR:
	case err != nil:
		handle(slot, nil, err)
	case n == 0:
		handle(slot, nil, io.EOF)
	default:
		handle(slot, buffer[:n], nil)
	}
}

func (t *epollTransport) flush(slot int) error {
	s := &t.slots[slot]
	n, err := writeFD(s.fd, s.pending)
	if err != nil {
		return err
	}
	if s.pending = s.pending[n:]; len(s.pending) == 0 {
		s.pending = nil
		return t.arm(slot)
	}
	return nil
}

func (t *epollTransport) pause(slot int) {
	t.slots[slot].paused = true
	_ = t.arm(slot)
}

func (t *epollTransport) resume(slot int) {
	if t.slots[slot].fd >= 0 {
		t.slots[slot].paused = false
		_ = t.arm(slot)
	}
}

func (t *epollTransport) close(slot int) {
	if s := &t.slots[slot]; s.fd >= 0 {
		_ = unix.Close(s.fd) // leaves the epoll by itself
		*s = epollSlot{fd: -1}
	}
}

func (t *epollTransport) shutdown() {
	for slot := range t.slots {
		t.close(slot)
	}
	_ = unix.Close(t.epoll)
}
