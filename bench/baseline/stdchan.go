package baseline

import (
	"context"
	"encoding/json"
	"net"
	"runtime"
	"time"
)

// generation is one request on its way through the engine. The engine sends its
// tokens and closes the channel; the connection's goroutine receives.
type generation struct {
	texts chan string
	next  int // owned by the engine
}

// tokenBuffer keeps the engine from waiting for one slow connection; it holds a
// whole answer here.
const tokenBuffer = 16

// StdChan is net with a goroutine a connection and encoding/json, in front of an
// engine that steps all running requests by one token at a time, as an inference
// engine with continuous batching does, and streams each through a channel of
// its own. Every frame is flushed as it comes; the pace's delay is the engine's,
// before each step.
func StdChan(ctx context.Context, endpoints Endpoints, pace Pace) error {
	submit := make(chan *generation, 1024)
	// The engine outlives the connections, which wait for what they have submitted.
	engine, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	go stepEngine(engine, submit, pace)
	return serve(ctx, endpoints, func(conn net.Conn) {
		decoder := json.NewDecoder(conn)
		out := newFrameWriter(conn)
		for {
			var req request
			if decoder.Decode(&req) != nil {
				return
			}
			running := &generation{texts: make(chan string, tokenBuffer)}
			select {
			case submit <- running:
			case <-ctx.Done():
				return
			}
			for text := range running.texts {
				out.frame(&tokenFrame{Type: "token", ID: req.ID, Content: text})
				out.flush()
			}
			out.frame(newDone(req.ID))
			if out.flush() != nil {
				return
			}
		}
	})
}

// stepEngine runs until ctx ends. Between rounds it yields, so that connections
// can write what a round produced.
func stepEngine(ctx context.Context, submit <-chan *generation, pace Pace) {
	var active []*generation
	defer func() {
		for _, g := range active {
			close(g.texts)
		}
	}()
	for {
		if len(active) == 0 {
			select {
			case g := <-submit:
				active = append(active, g)
			case <-ctx.Done():
				return
			}
		}
		for waiting := true; waiting; {
			select {
			case g := <-submit:
				active = append(active, g)
			default:
				waiting = false
			}
		}
		if pace.Delay > 0 {
			time.Sleep(pace.Delay)
		}
		active = step(active)
		runtime.Gosched()
	}
}

// step produces one token for each generation and returns those that go on.
func step(active []*generation) []*generation {
	rest := active[:0]
	for _, g := range active {
		g.texts <- texts[g.next]
		if g.next++; g.next == tokens {
			close(g.texts)
			continue
		}
		rest = append(rest, g)
	}
	clear(active[len(rest):])
	return rest
}
