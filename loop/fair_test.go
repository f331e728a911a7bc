package loop

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestAllowance: a client that sends a thousand lines at once gets its answers in
// turns with the others, whatever becomes of the connection meanwhile.
func TestAllowance(t *testing.T) {
	const lines = 5000
	var all strings.Builder
	var want []string
	for i := range lines {
		want = append(want, fmt.Sprint(i))
		fmt.Fprintf(&all, "say %d\n", i)
	}
	f := func(name string, stash, end bool) {
		t.Run(name, func(t *testing.T) {
			both(t, func(t *testing.T, network string) {
				s := newScript()
				srv, dial := serve(t, s, Options{Loops: 1})
				c := dial(network)
				if stash {
					send(t, c, "hold\n")
					<-s.holding
				} else {
					send(t, c, "\n")
				}
				await(func() bool { return len(srv.Conns()) == 1 })
				k := srv.Conns()[0]
				onLoop(k, func() {
					_, before := k.Bytes()
					k.lp.received(k, []byte(all.String()))
					if _, n := k.Bytes(); n-before > allowanceBytes {
						t.Errorf("%d bytes answered in one turn", n-before)
					}
					if !stash && !k.putOff {
						t.Error("the rest is not put off")
					}
				})
				if end {
					closeWrite(t, c)
				}
				r := bufio.NewReader(c)
				if stash {
					s.release <- struct{}{}
					expect(t, r, "held")
				}
				expect(t, r, want...)
				if end {
					expectEnd(t, r)
					expectReason(t, s, ReasonClient)
				} else {
					send(t, c, "say on\n")
					expect(t, r, "on")
				}
			})
		})
	}
	f("as read", false, false)
	f("while busy", true, false)
	f("half-closed", false, true)
	f("half-closed while busy", true, true)
}

// TestUnreadAnswers: who does not read what is answered at once is not answered on.
func TestUnreadAnswers(t *testing.T) {
	s := newScript()
	srv, dial := serve(t, s, Options{Loops: 1, MaxOutputBytes: 8 << 20, MaxPipelineBytes: 64 * kib})
	c := dial("unix")
	const lines = 4000
	line := "say " + strings.Repeat("x", 1000) + "\n"
	go func() { _, _ = io.WriteString(c, strings.Repeat(line, lines)) }()
	k := awaitParked(srv)
	onLoop(k, func() {
		if n := k.unwritten(); n > maxUnreadAnswers+2*replyBytes {
			t.Errorf("%d bytes of answers wait for a reader", n)
		}
	})
	r := bufio.NewReader(c)
	for range lines {
		expect(t, r, strings.TrimSpace(line[4:]))
	}
}

// TestUnreadLimit: what nobody reads of finished answers has a total, and those with
// the most of it are closed; who reads gets everything, whatever others hold.
func TestUnreadLimit(t *testing.T) {
	both(t, func(t *testing.T, network string) {
		const answer = 16 << 20 // more than the sockets hold
		s := newScript()
		srv, dial := serve(t, s, Options{Loops: 1, MaxInboundBytes: 2 * answer})
		first := dial(network)
		send(t, first, "fill "+strconv.Itoa(answer)+"\n")
		await(func() bool { return srv.unread.Load() > 0 })
		for range 10 {
			send(t, dial(network), "fill "+strconv.Itoa(answer)+"\n")
		}
		expectReason(t, s, ReasonSlowReader)
		await(func() bool { return srv.unread.Load() <= 4*answer })
		reader := dial(network)
		send(t, reader, "fill 1000000\nwork 3 x\n")
		r := bufio.NewReader(reader)
		expect(t, r, strings.Repeat("x", 1000000), "0 x", "1 x", "2 x", "done")
		expect(t, bufio.NewReader(first), strings.Repeat("x", answer))
		for _, c := range srv.Conns() {
			srv.CloseConn(c.ID(), ReasonOperator)
		}
		await(func() bool { return srv.unread.Load() == 0 })
	})
}

// TestInboundLimit_SparesTheOthers: input that others hold costs nobody an answer,
// also if its lines are put off or its last frame does not fit into the socket.
func TestInboundLimit_SparesTheOthers(t *testing.T) {
	s := newScript()
	srv, dial := serve(t, s, Options{Loops: 1, MaxInboundBytes: 1 << 20})
	const held = 1<<20 - 200
	send(t, dial("unix"), strings.Repeat("h", held))
	await(func() bool { return srv.Inbound() == held })
	f := func(lines string, want ...string) {
		t.Helper()
		c := dial("unix")
		send(t, c, lines)
		r := bufio.NewReader(c)
		expect(t, r, want...)
		c.Close()
		await(func() bool { return srv.Count() == 1 })
	}
	text := strings.Repeat("z", 1000)
	var want []string
	for i := range 2000 {
		want = append(want, fmt.Sprintf("%d %s", i, text))
	}
	f("work 2000 "+text+"\n", append(want, "done")...)
	var lines strings.Builder
	want = nil
	for i := range 500 {
		fmt.Fprintf(&lines, "say %d\n", i)
		want = append(want, strconv.Itoa(i))
	}
	f(lines.String(), want...)
}

// TestPanic_AnswersBeforeIt are sent.
func TestPanic_AnswersBeforeIt(t *testing.T) {
	f := func(first string, before ...string) {
		t.Helper()
		s := newScript()
		_, dial := serve(t, s, Options{Loops: 1})
		c := dial("unix")
		send(t, c, first+"say one\nsay two\npanic\nsay never\n")
		if first != "" {
			<-s.holding
			s.release <- struct{}{}
		}
		r := bufio.NewReader(c)
		expect(t, r, append(before, "one", "two", "fault 2")...)
		expectEnd(t, r)
	}
	f("")
	f("hold\n", "held")
}

// TestShutdown_AnswersWhatIsUnread: a line that stands in the kernel when the loop
// looks at its connection is read before that is closed.
func TestShutdown_AnswersWhatIsUnread(t *testing.T) {
	both(t, func(t *testing.T, network string) {
		s := newScript()
		srv, dial := serve(t, s, Options{Loops: 1})
		c := dial(network)
		r := bufio.NewReader(c)
		send(t, c, "say early\n")
		expect(t, r, "early")
		lp := srv.Conns()[0].lp
		hold, held := make(chan struct{}), make(chan struct{})
		lp.do(func() { close(held); <-hold })
		<-held
		send(t, c, "say late\n")
		done := make(chan int)
		go func() { done <- srv.Shutdown(context.Background(), 0) }()
		await(func() bool {
			lp.mu.Lock()
			defer lp.mu.Unlock()
			return len(lp.calls) > 0
		})
		close(hold)
		expect(t, r, "late")
		expectEnd(t, r)
		if cut := <-done; cut != 0 {
			t.Errorf("%d cut off", cut)
		}
	})
}

// TestEnded: nobody writes to a loop's descriptor once that is closed.
func TestEnded(t *testing.T) {
	srv, err := Start(Options{Loops: 1})
	if err != nil {
		t.Fatal(err)
	}
	srv.Shutdown(t.Context(), 0)
	srv.SetTimeouts(Timeouts{})
	if lp := srv.loops[0]; !lp.ended || lp.calls != nil {
		t.Errorf("ended %v, %d calls wait", lp.ended, len(lp.calls))
	}
}

// TestLineTimeout_OfALoopThatStoodStill: what came in time counts, however late the
// loop reads it.
func TestLineTimeout_OfALoopThatStoodStill(t *testing.T) {
	s := newScript()
	srv, dial := serve(t, s, Options{Loops: 1, Timeouts: Timeouts{Line: 300 * time.Millisecond}})
	c := dial("unix")
	send(t, c, "say he")
	await(func() bool { return srv.Inbound() == 6 })
	srv.Conns()[0].lp.do(func() { time.Sleep(500 * time.Millisecond) }) // the fault under test
	send(t, c, "llo\n")
	expect(t, bufio.NewReader(c), "hello")
}

// TestSlowReader_ShowsInSmallSteps: a Unix socket frees what a write gave it when all
// of that has been read.
func TestSlowReader_ShowsInSmallSteps(t *testing.T) {
	s := newScript()
	srv, dial := serve(t, s, Options{Loops: 1})
	c := dial("unix")
	send(t, c, "work 4000 "+strings.Repeat("z", 1000)+"\n")
	await(func() bool { return len(srv.Conns()) == 1 })
	k := srv.Conns()[0]
	var since int64 // the socket takes nothing
	full := func() {
		await(func() bool {
			is := false
			onLoop(k, func() {
				since = k.stalledAt
				is = since != 0 && k.unwritten() > 256*kib && !k.lp.stillTakes(k)
			})
			return is
		})
	}
	// What was written before the socket was full was written in large pieces, and
	// would be again if the loop ever had nothing left to write.
	buf := make([]byte, 64*kib)
	full()
	for range 16 {
		if _, err := io.ReadFull(c, buf); err != nil {
			t.Fatal(err)
		}
		full()
	}
	// One piece may be half read, and one may be above the socket's limit.
	const enough = 4 * slowPieceBytes
	if _, err := io.ReadFull(c, buf[:enough]); err != nil {
		t.Fatal(err)
	}
	onLoop(k, func() {
		if k.stalledAt == since && !k.lp.stillTakes(k) {
			t.Errorf("%d bytes were read, and the socket takes nothing", enough)
		}
	})
	go func() { _, _ = io.Copy(io.Discard, c) }()
	await(func() bool { return k.Pending() == 0 })
}
