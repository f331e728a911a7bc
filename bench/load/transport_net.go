package load

import (
	"context"
	"net"
	"sync"
	"time"

	"inferd/client"
)

// netTransport works wherever Go does: a goroutine a connection reads and hands
// each chunk to the generator, then waits until it was handled.
type netTransport struct {
	target client.Target
	slots  []*netSlot // nil: closed
	events chan netEvent
	timer  *time.Timer
	stop   chan struct{} // closed by shutdown
	wg     sync.WaitGroup
}

type netSlot struct {
	conn   net.Conn
	next   chan struct{} // lets the reader go on; closed with the slot
	buffer []byte        // the reader's until an event carries it, then the generator's
	held   bool          // an event was handled while paused: resume lets the reader go on
	paused bool
	// writing is closed when the last write that got a goroutine of its own is
	// done; nil before the first.
	writing chan struct{}
}

type netEvent struct {
	slot int
	from *netSlot // tells the events of a slot's earlier connection apart
	n    int
	err  error
}

const (
	netReadBytes = 64 << 10

	// netDirectBytes of a request fit into every socket that has nothing else to
	// hold: macOS gives a Unix socket 8 KiB.
	netDirectBytes = 4 << 10
)

func newNetTransport(target client.Target, slots int) *netTransport {
	return &netTransport{
		target: target,
		slots:  make([]*netSlot, slots),
		events: make(chan netEvent, 1024),
		timer:  time.NewTimer(0),
		stop:   make(chan struct{}),
	}
}

func (t *netTransport) open(ctx context.Context, slot, chunk int) error {
	conn, err := dialNet(ctx, t.target)
	if err != nil {
		return err
	}
	if chunk == 0 || chunk > netReadBytes {
		chunk = netReadBytes
	}
	s := &netSlot{conn: conn, next: make(chan struct{}, 1), buffer: make([]byte, chunk)}
	t.slots[slot] = s
	t.wg.Go(func() { t.read(slot, s) })
	return nil
}

// read is a connection's reading goroutine.
func (t *netTransport) read(slot int, s *netSlot) {
	for {
		n, err := s.conn.Read(s.buffer)
		select {
		case t.events <- netEvent{slot: slot, from: s, n: n, err: err}:
		case <-t.stop:
			return
		}
		if err != nil {
			return
		}
		if _, more := <-s.next; !more {
			return
		}
	}
}

// write gives what might not fit into the socket to a goroutine of its own, and
// what comes after that as well, so that it stays in order.
func (t *netTransport) write(slot int, b []byte) error {
	s := t.slots[slot]
	if s.writing == nil && len(b) <= netDirectBytes {
		_, err := s.conn.Write(b)
		return err
	}
	before, done := s.writing, make(chan struct{})
	s.writing = done
	t.wg.Go(func() {
		defer close(done)
		if before != nil {
			<-before
		}
		if _, err := s.conn.Write(b); err != nil {
			_ = s.conn.Close() // which the reader tells of
		}
	})
	return nil
}

func (t *netTransport) wait(
	timeout time.Duration, handle func(slot int, data []byte, err error),
) error {
	t.timer.Reset(timeout)
	select {
	case event := <-t.events:
		t.deliver(event, handle)
	case <-t.timer.C:
		return nil
	}
	for range len(t.events) {
		t.deliver(<-t.events, handle)
	}
	return nil
}

func (t *netTransport) deliver(event netEvent, handle func(slot int, data []byte, err error)) {
	s := event.from
	if t.slots[event.slot] != s {
		return // closed since
	}
	if event.n > 0 {
		handle(event.slot, s.buffer[:event.n], nil)
	}
	switch {
	case t.slots[event.slot] != s:
	case event.err != nil:
		handle(event.slot, nil, event.err)
	case s.paused:
		s.held = true
	default:
		s.next <- struct{}{}
	}
}

func (t *netTransport) pause(slot int) { t.slots[slot].paused = true }

func (t *netTransport) resume(slot int) {
	s := t.slots[slot]
	if s == nil {
		return
	}
	s.paused = false
	if s.held {
		s.held = false
		s.next <- struct{}{}
	}
}

func (t *netTransport) close(slot int) {
	if s := t.slots[slot]; s != nil {
		t.slots[slot] = nil
		_ = s.conn.Close()
		close(s.next)
	}
}

func (t *netTransport) shutdown() {
	close(t.stop)
	for slot := range t.slots {
		t.close(slot)
	}
	t.wg.Wait()
	t.timer.Stop()
}

// dialNet connects and sends the API key, if there is one.
func dialNet(ctx context.Context, target client.Target) (net.Conn, error) {
	network, address := "unix", target.Unix
	if target.TCP != "" {
		network, address = "tcp", target.TCP
	}
	var d net.Dialer
	for {
		conn, err := d.DialContext(ctx, network, address)
		if isBacklogFull(err) && ctx.Err() == nil {
			time.Sleep(time.Millisecond)
			continue
		}
		if err != nil {
			return nil, err
		}
		if line := authLine(target); line != nil {
			if _, err := conn.Write(line); err != nil {
				_ = conn.Close()
				return nil, err
			}
		}
		return conn, nil
	}
}
