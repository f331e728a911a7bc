package loop

import (
	"context"
	"errors"
	"io"
	"net"
	"os"

	"github.com/panjf2000/gnet/v2"
	"golang.org/x/sys/unix"
)

// gnet closes a connection at the end of its input and cannot stop reading from
// one. Both are answered by leaving gnet: the descriptor is duplicated, gnet
// closes its own, and the connection lives on with the duplicate.
//
//   - At the end of input with answers outstanding the connection stays
//     detached until they are written, then it is closed.
//   - A connection that sends ahead of its answers is parked: nobody reads it,
//     the kernel's buffer fills, the client has to wait. When it has been
//     answered it is attached to the same loop again.
//
// While detached, the poller watches the duplicate for a hang-up (a kqueue only
// while there is output), but not on the way back.

// closedByGnet handles the end of gnet's part of a connection.
func (lp *eventLoop) closedByGnet(c *Conn, err error) {
	if c.dead || c.g == nil {
		return // ours: bury or park
	}
	if !errors.Is(err, io.EOF) {
		if errors.Is(err, unix.ECONNRESET) {
			lp.lost(c, ReasonHangup)
		} else {
			lp.lost(c, ReasonRead)
		}
		return
	}
	if c.lingering {
		lp.lost(c, c.reason)
		return
	}
	answers := c.busy || c.in != nil || c.pend != nil
	if !answers {
		lp.lost(c, ReasonClient)
		return
	}
	if gone(c.fd) || !lp.detach(c) {
		lp.lost(c, ReasonHangup)
		return
	}
	c.place = halfClosed
	lp.finalLine(c)
	lp.consumeStashed(c)
	if c.in != nil && c.free() {
		lp.dropStash(c) // an unfinished key: never a request
	}
	lp.settle(c)
}

// lost buries a connection whose descriptor gnet is closing itself.
func (lp *eventLoop) lost(c *Conn, why Reason) {
	lp.unpoll(c)
	c.g, c.fd = nil, -1
	lp.bury(c, why)
}

// gone tells a full close from a shut-down writing side. Only Unix sockets say
// so at once; on TCP the two look alike until a write fails.
func gone(fd int32) bool {
	// macOS reports a hang-up only with an event that was asked for.
	p := []unix.PollFd{{Fd: fd, Events: unix.POLLOUT}}
	n, err := unix.Poll(p, 0)
	return err == nil && n > 0 && p[0].Revents&(unix.POLLHUP|unix.POLLERR|unix.POLLNVAL) != 0
}

// readable says whether a read would give something, be it the end.
func readable(fd int32) bool {
	p := []unix.PollFd{{Fd: fd, Events: unix.POLLIN}}
	n, err := unix.Poll(p, 0)
	return err != nil || n > 0
}

// detach moves the connection from gnet's descriptor to a duplicate. The caller
// sees to it that gnet closes its own.
func (lp *eventLoop) detach(c *Conn) bool {
	lp.keepSpare()
	fd, err := c.g.Dup()
	if outOfDescriptors(err) && lp.spare >= 0 {
		_ = unix.Close(lp.spare)
		lp.spare = -1
		fd, err = c.g.Dup()
	}
	if err != nil {
		return false
	}
	lp.unpoll(c)
	c.g, c.fd = nil, int32(fd)
	return true
}

// keepSpare sees to it that there is a descriptor to spare: where there are none
// left, leaving gnet still takes a second one for a moment.
func (lp *eventLoop) keepSpare() {
	if lp.spare >= 0 {
		return
	}
	fd, err := unix.FcntlInt(uintptr(lp.wakeFD), unix.F_DUPFD_CLOEXEC, 0)
	if err == nil {
		lp.spare = fd
	}
}

func outOfDescriptors(err error) bool {
	return errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE)
}

// balance keeps a connection's read-ahead bounded.
func (lp *eventLoop) balance(c *Conn) {
	ahead := c.unread()
	switch {
	case c.place == parked && c.free():
		// What is still unread is a line without its end, however long: a free
		// connection has consumed all others. Only reading can finish it.
		lp.attachAgain(c)
	case c.g != nil && !c.lingering && !c.free() && ahead > lp.srv.opt.MaxPipelineBytes:
		g := c.g
		if lp.detach(c) {
			c.place = parked
			_ = lp.el.Close(g)
			lp.keepSpare()
		}
	}
	if c.g == nil && !c.dead && c.place != returning {
		lp.arm(c) // detached: watch for a hang-up at least
	}
}

// attachAgain gives a parked connection back to gnet, on the same loop.
func (lp *eventLoop) attachAgain(c *Conn) {
	nc, err := connOf(int(c.fd))
	if err != nil {
		lp.notAttached(c, err)
		return
	}
	if nc.RemoteAddr() == nil {
		// TCP, closed by both sides or reset: there is nothing to be read, and gnet
		// panics for want of an address and loses a descriptor.
		_ = nc.Close()
		why := ReasonHangup
		if c.closing {
			why = c.reason
		}
		lp.bury(c, why)
		return
	}
	lp.unpoll(c)
	// gnet enrols on a goroutine of its own and calls attached on this loop.
	done, err := lp.el.Enroll(gnet.NewContext(context.Background(), c), nc)
	if err != nil {
		_ = nc.Close()
		lp.notAttached(c, err)
		return
	}
	c.place = returning
	c.attempt++
	attempt := c.attempt
	lp.srv.enrolments.Go(func() {
		r := <-done
		lp.do(func() {
			if c.dead || c.place != returning || c.attempt != attempt {
				return // attached has been called
			}
			if lp.notAttached(c, r.Err); !c.dead {
				lp.settle(c)
			}
		})
	})
}

// notAttached has a parked connection wait for descriptors, if that is what is
// missing.
func (lp *eventLoop) notAttached(c *Conn, err error) {
	if !outOfDescriptors(err) {
		lp.bury(c, ReasonRead)
		return
	}
	c.place = starved
	lp.watchList(c)
}

// attached is called by gnet on the loop, for new connections and parked ones.
func (lp *eventLoop) attached(c *Conn, g gnet.Conn) gnet.Action {
	if c.dead {
		return gnet.Close // buried on the way back
	}
	lp.unpoll(c) // its output may have armed the old descriptor
	old := c.fd
	c.g, c.fd = g, int32(g.Fd())
	if c.place == returning {
		_ = unix.Close(int(old))
		c.place = inGnet
	}
	lp.settle(c)
	return gnet.None
}

// connOf wraps a duplicate of fd as the net.Conn that gnet wants.
func connOf(fd int) (net.Conn, error) {
	dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(dup), "conn")
	defer f.Close()
	return net.FileConn(f)
}
