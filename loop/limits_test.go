package loop

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestLineLimit(t *testing.T) {
	const limit = 1 << 20
	both(t, func(t *testing.T, network string) {
		s := newScript()
		_, dial := serve(t, s, Options{MaxLineBytes: limit})
		c := dial(network)
		r := bufio.NewReader(c)
		send(t, c, "len "+strings.Repeat("x", limit-4)+"\n")
		expect(t, r, strconv.Itoa(limit))

		send(t, c, "say before\nlen "+strings.Repeat("x", limit-3)+"\n")
		expect(t, r, "before", "fault 0")
		expectEnd(t, r)

		c = dial(network) // no newline, for ever
		r = bufio.NewReader(c)
		go func() {
			chunk := bytes.Repeat([]byte("x"), 8<<10)
			for {
				if _, err := c.Write(chunk); err != nil {
					return
				}
			}
		}()
		expect(t, r, "fault 0")
	})
}

func TestLongLine_LeavesTheOthersAlone(t *testing.T) {
	// A handler that blocks on long lines must not block short ones.
	s := newScript()
	_, dial := serve(t, s, Options{Loops: 1})
	long, short := dial("unix"), dial("unix")
	lr, sr := bufio.NewReader(long), bufio.NewReader(short)
	const n = 5 << 20
	go io.WriteString(long, "len "+strings.Repeat("y", n)+"\nsay after\n")
	for i := range 100 {
		send(t, short, fmt.Sprintf("say %d\n", i))
		expect(t, sr, strconv.Itoa(i))
	}
	expect(t, lr, strconv.Itoa(n+4), "after")
}

func TestInboundLimit(t *testing.T) {
	s := newScript()
	srv, dial := serve(t, s, Options{MaxInboundBytes: 100 << 10})
	holder := dial("unix")
	send(t, holder, strings.Repeat("h", 90<<10))
	await(func() bool { return srv.Inbound() >= 90<<10 })
	c := dial("unix")
	r := bufio.NewReader(c)
	send(t, c, "say fine\n") // whole lines need no room
	expect(t, r, "fine")
	send(t, c, strings.Repeat("x", 20<<10))
	expect(t, r, "fault 1")
	expectEnd(t, r)
}

func TestPipelining_IsBackpressured(t *testing.T) {
	both(t, func(t *testing.T, network string) {
		s := newScript()
		srv, dial := serve(t, s, Options{MaxPipelineBytes: 32 << 10})
		c := dial(network)
		r := bufio.NewReader(c)
		send(t, c, "hold\n")
		<-s.holding
		const lines = 200_000
		var wg sync.WaitGroup
		wg.Go(func() {
			w := bufio.NewWriter(c)
			for i := range lines {
				fmt.Fprintf(w, "say %d\n", i)
			}
			w.Flush()
		})
		awaitParked(srv) // and stays so: the client is stopped by its socket, not by an error
		if n := srv.Inbound(); n > 256<<10 {
			t.Errorf("%d bytes read ahead", n)
		}
		s.release <- struct{}{}
		expect(t, r, "held")
		for i := range lines {
			expect(t, r, strconv.Itoa(i))
		}
		wg.Wait()
	})
}

// A line longer than the read-ahead behind a busy one: reading goes on when the
// connection is free again.
func TestPipelining_LongLineBehindABusyOne(t *testing.T) {
	both(t, func(t *testing.T, network string) {
		const limit = 1 << 20
		s := newScript()
		srv, dial := serve(t, s, Options{MaxPipelineBytes: 32 << 10, MaxLineBytes: limit})
		f := func(line string, want ...string) {
			t.Helper()
			c := dial(network)
			send(t, c, "hold\n")
			<-s.holding
			var wg sync.WaitGroup
			defer wg.Wait()
			wg.Go(func() { _, _ = io.WriteString(c, line) })
			await(func() bool { return srv.Inbound() > 32<<10 })
			s.release <- struct{}{}
			r := bufio.NewReader(c)
			expect(t, r, "held")
			expect(t, r, want...)
		}
		f("len "+strings.Repeat("x", limit/2)+"\nsay after\n", strconv.Itoa(limit/2+4), "after")
		f(strings.Repeat("x", limit+1), "fault 0")
	})
}

func TestOutput_SlowReaderIsWaitedFor(t *testing.T) {
	s := newScript()
	srv, dial := serve(t, s, Options{
		MaxOutputBytes: 64 << 10,
		Timeouts:       Timeouts{Write: time.Minute, Stall: 10 * time.Second},
	})
	c := dial("unix")
	text := strings.Repeat("z", 4096)
	send(t, c, "work 1000 "+text+"\n")
	r := bufio.NewReaderSize(c, 4096)
	for i := range 1000 {
		expect(t, r, strconv.Itoa(i)+" "+text)
		if i%100 == 0 {
			for _, c := range srv.Conns() {
				if n := c.Pending(); n > 3*64<<10 {
					t.Errorf("%d bytes pending", n)
				}
			}
			time.Sleep(5 * time.Millisecond) // being slow is the point
		}
	}
	expect(t, r, "done")
}

// TryWrite takes nothing where there is no room, and all where there is some.
func TestOutput_TryWrite(t *testing.T) {
	both(t, func(t *testing.T, network string) {
		s := newScript()
		_, dial := serve(t, s, Options{MaxOutputBytes: 64 << 10})
		c := dial(network)
		text := strings.Repeat("z", 4096)
		send(t, c, "try 5000 "+text+"\n")
		<-s.full // nobody has read
		r := bufio.NewReader(c)
		for i := range 5000 {
			expect(t, r, strconv.Itoa(i)+" "+text)
		}
		expect(t, r, "done")
		send(t, c, "try 1000000 "+text+"\n")
		c.Close()
		if err := <-s.workErr; err != nil {
			t.Errorf("the first task: %v", err)
		}
		if err := <-s.workErr; !errors.Is(err, ErrClosed) {
			t.Errorf("the client is gone: %v", err)
		}
		<-s.cancelled
	})
}

// A reader that takes a little all the time is not a dead one, although it takes
// longer than the timeout until its socket is reported as writable.
func TestOutput_SlowReaderOutlivesTheTimeouts(t *testing.T) {
	const frames, pause, timeout = 100, 50 * time.Millisecond, 1500 * time.Millisecond
	s := newScript()
	_, dial := serve(t, s, Options{
		MaxOutputBytes: 64 << 10, Timeouts: Timeouts{Write: timeout, Stall: timeout},
	})
	c := dial("unix")
	text := strings.Repeat("z", 4096)
	send(t, c, fmt.Sprintf("work %d %s\n", frames, text))
	r := bufio.NewReaderSize(c, 4096)
	for i := range frames {
		expect(t, r, strconv.Itoa(i)+" "+text)
		time.Sleep(pause) // being slow is the point
	}
	expect(t, r, "done")
}

func TestOutput_DeadReaderIsClosed(t *testing.T) {
	f := func(name string, to Timeouts) {
		t.Run(name, func(t *testing.T) {
			both(t, func(t *testing.T, network string) {
				s := newScript()
				_, dial := serve(t, s, Options{MaxOutputBytes: 64 << 10, Timeouts: to})
				c := dial(network)
				send(t, c, "work 1000000 "+strings.Repeat("z", 4096)+"\n")
				if err := <-s.workErr; !errors.Is(err, ErrClosed) {
					t.Errorf("the worker got %v", err)
				}
				<-s.cancelled
				expectReason(t, s, ReasonSlowReader)
			})
		})
	}
	f("write timeout", Timeouts{Write: 50 * time.Millisecond})
	f("stall timeout", Timeouts{Write: time.Hour, Stall: 50 * time.Millisecond})
}

func TestDeadlines(t *testing.T) {
	f := func(name string, to Timeouts, key, sent string, want Reason) {
		t.Run(name, func(t *testing.T) {
			s := newScript()
			s.key = key
			_, dial := serve(t, s, Options{Timeouts: to})
			c := dial("tcp")
			send(t, c, sent)
			expectReason(t, s, want)
		})
	}
	const d = 40 * time.Millisecond
	f("idle", Timeouts{Idle: d}, "", "say x\n", ReasonIdle)
	f("line", Timeouts{Line: d}, "", "say x", ReasonLine)
	f("line after a whole one", Timeouts{Line: d, Idle: time.Hour}, "", "say x\nsa", ReasonLine)
	f("key", Timeouts{Auth: d}, "secret", "", ReasonAuth)
	f("half a key", Timeouts{Auth: d}, "secret", "sec", ReasonAuth)
}

func TestDeadlines_SpareWhoIsAtWork(t *testing.T) {
	s := newScript()
	_, dial := serve(t, s, Options{Timeouts: Timeouts{Idle: time.Second, Line: time.Second}})
	c := dial("unix")
	send(t, c, "hold\nsay par")
	<-s.holding
	select {
	case why := <-s.closed:
		t.Fatalf("closed for %v while a task ran", why)
	case <-time.After(1500 * time.Millisecond):
	}
	s.release <- struct{}{}
	r := bufio.NewReader(c)
	expect(t, r, "held")
	send(t, c, "t\n")
	expect(t, r, "part")
}
