package loop

import (
	"bufio"
	"io"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func openDescriptors(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

// TestParked_ClosedByBothSides: a TCP connection that ends while it is parked and
// whose client sends no more has no peer to go back to gnet with.
func TestParked_ClosedByBothSides(t *testing.T) {
	s := newScript()
	srv, dial := serve(t, s, Options{Loops: 1, MaxPipelineBytes: 8 * kib})
	before := openDescriptors(t)
	const rounds = 20
	for range rounds {
		c := dial("tcp")
		send(t, c, "hold\nlast bye\n"+strings.Repeat("say "+strings.Repeat("x", 1000)+"\n", 100))
		closeWrite(t, c)
		<-s.holding
		k := awaitParked(srv)
		await(func() bool { // the end has come
			p := []unix.PollFd{{Fd: int32(k.fd), Events: unix.POLLRDHUP}}
			n, _ := unix.Poll(p, 0)
			return n == 1
		})
		s.release <- struct{}{}
		r := bufio.NewReader(c)
		expect(t, r, "held", "bye")
		_, _ = io.Copy(io.Discard, r)
		c.Close()
		expectReason(t, s, ReasonFault)
	}
	if after := openDescriptors(t); after >= before+rounds {
		t.Errorf("%d descriptors before, %d after %d connections", before, after, rounds)
	}
}

// TestPanic_HalfClosed: the client that asked last hears of the fault, and its
// descriptor, which is not gnet's any more, is closed.
func TestPanic_HalfClosed(t *testing.T) {
	both(t, func(t *testing.T, network string) {
		s := newScript()
		_, dial := serve(t, s, Options{Loops: 1})
		before := openDescriptors(t)
		c := dial(network)
		send(t, c, "say one\npanic")
		closeWrite(t, c)
		r := bufio.NewReader(c)
		expect(t, r, "one", "fault 2")
		expectEnd(t, r)
		c.Close()
		expectReason(t, s, ReasonInternal)
		if after := openDescriptors(t); after > before {
			t.Errorf("%d descriptors before, %d after", before, after)
		}
	})
}
