package reliability

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"inferd/tests/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

// opTimeout only has to end a hanging test: the machine may be busy.
const opTimeout = 30 * time.Second

// size is small, or full with INFERD_STRESS=1.
func size(small, full int) int {
	if harness.Stress {
		return full
	}
	return small
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// answers fails unless a fresh client of d gets its answer, and says how long
// that took.
func answers(t *testing.T, d *harness.Daemon) time.Duration {
	t.Helper()
	began := time.Now()
	c := d.Dial(t)
	c.Send(harness.Ask("alive"))
	if f := c.Last(); f.Outcome() != "done" {
		t.Errorf("a fresh client gets %+v", f)
	}
	_ = c.Close()
	return time.Since(began)
}

// ask is one request of a client that reads to the terminal frame.
func ask(c *harness.Conn, id string) (outcome string, err error) {
	if err := c.TrySend(harness.Ask(id)); err != nil {
		return "", err
	}
	f, err := c.TryLast()
	return f.Outcome(), err
}

// clients runs f in n goroutines and reports the first of their errors.
func clients(t *testing.T, n int, f func(i int) error) {
	t.Helper()
	var wg sync.WaitGroup
	errs := make(chan error, n)
	for i := range n {
		wg.Go(func() {
			if err := f(i); err != nil {
				errs <- fmt.Errorf("client %d: %w", i, err)
			}
		})
	}
	wg.Wait()
	close(errs)
	if err, failed := <-errs; failed {
		t.Errorf("%d clients failed, the first: %v", len(errs)+1, err)
	}
}

// dial opens n raw connections, which are closed when the test ends.
func dial(t *testing.T, d *harness.Daemon, n int) []net.Conn {
	t.Helper()
	all := make([]net.Conn, n)
	for i := range all {
		var err error
		for began := time.Now(); ; time.Sleep(time.Millisecond) {
			all[i], err = net.Dial("unix", d.Unix())
			if !errors.Is(err, syscall.EAGAIN) || time.Since(began) > opTimeout {
				break // not just because the kernel's queue is full
			}
		}
		if err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
	}
	t.Cleanup(func() {
		for _, c := range all {
			_ = c.Close()
		}
	})
	return all
}

// ended says whether the daemon ends the connection within opTimeout.
func ended(c net.Conn) error {
	_ = c.SetReadDeadline(time.Now().Add(opTimeout))
	_, err := io.Copy(io.Discard, c)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	return nil
}
