package load

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"inferd/codec"
)

// generator runs one load. Its goroutine owns every field.
type generator struct {
	// immutable
	config *Config
	net    transport
	corpus corpus
	epoch  time.Time

	// schedule is drawn by arrivals alone, and random in the order of sending: with
	// the same seed both give the same, however the server answers.
	schedule *rand.Rand
	random   *rand.Rand
	decoder  *codec.FrameDecoder
	slots    []slotState
	idle     ring[int32] // free connections of the open loop, first in first out
	backlog  ring[int64] // due times of requests that found no free connection
	timers   timerHeap   // reading pauses and reopenings
	open     int         // connections
	inFlight int

	nextDue   int64 // the open loop's next arrival
	sending   bool  // the schedule goes on; in the closed loop, the next request follows
	measuring bool
	// Requests that are due within these times are measured; 0 is not known yet.
	from, until int64
	counts      *recorder
	total       Progress
	phaseBegan  int64
	failure     error // the last connection error, for when none is left
	// Of the whole run: whether anything came back, and whether any of it was a
	// frame of the wire.
	heard, understood bool
}

func newGenerator(config *Config) (*generator, error) {
	net, err := newTransport(config)
	if err != nil {
		return nil, err
	}
	random := rand.New(rand.NewPCG(config.Seed, 0x696e66657264))
	schedule := rand.New(rand.NewPCG(config.Seed, 0x62656e6368))
	g := &generator{
		config: config, net: net, corpus: newCorpus(config, random), epoch: time.Now(),
		schedule: schedule, random: random, decoder: codec.NewFrameDecoder(),
		slots: make([]slotState, config.Conns), counts: newRecorder(),
	}
	slow := config.slowConns()
	for i := range g.slots {
		g.slots[i].slow = i < slow
	}
	return g, nil
}

func (g *generator) now() int64 { return int64(time.Since(g.epoch)) }

// connectAll opens every connection; any failure is final.
func (g *generator) connectAll(ctx context.Context, tick func()) error {
	for i := range g.slots {
		if err := ctx.Err(); err != nil {
			return err
		}
		tick()
		if err := g.connect(ctx, i, connectTimeout); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fmt.Errorf("connection %d of %d: %w", i+1, len(g.slots), withHint(err))
		}
	}
	return nil
}

func (g *generator) connect(ctx context.Context, slot int, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	s := &g.slots[slot]
	chunk := 0
	if s.slow {
		chunk = slowChunk(g.config.SlowRate)
	}
	if err := g.net.open(ctx, slot, chunk); err != nil {
		return err
	}
	s.open = true
	s.busy, s.skipped, s.partial = false, false, s.partial[:0]
	g.open++
	return nil
}

// slowChunk is what a slow reader takes at a time: a tenth of a second's worth.
func slowChunk(rate float64) int { return max(1, int(rate/10)) }

// start lets the requests begin; the schedule does so at a time from.
func (g *generator) start(from int64) {
	g.sending = true
	if g.config.openLoop() {
		gap, _ := g.config.Arrivals.Next(g.schedule, g.config.Rate)
		g.nextDue = from + int64(gap)
		for i := range g.slots {
			g.rest(i)
		}
		return
	}
	for i := range g.slots {
		if g.sending && g.slots[i].open && !g.slots[i].busy {
			g.send(i, g.now())
		}
	}
}

// run works until the time end, or until nothing is in flight if onlyDrain.
func (g *generator) run(ctx context.Context, end int64, onlyDrain bool, tick func()) error {
	for {
		now := g.now()
		if now >= end || onlyDrain && g.inFlight == 0 && g.backlog.len() == 0 {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		tick()
		g.runTimers(ctx, now, end)
		if g.open == 0 && g.timers.empty() {
			return fmt.Errorf("no connection left: %w", g.failure)
		}
		until := min(end, now+int64(pollInterval))
		if g.sending && g.config.openLoop() {
			g.arrive(now)
			until = min(until, g.nextDue)
		}
		if at, ok := g.timers.next(); ok {
			until = min(until, at)
		}
		timeout := time.Duration(max(0, until-g.now()))
		if err := g.net.wait(timeout, g.handle); err != nil {
			return fmt.Errorf("wait for answers: %w", err)
		}
	}
}

// arrive starts every request of the open loop that is due.
func (g *generator) arrive(now int64) {
	for g.nextDue <= now {
		gap, n := g.config.Arrivals.Next(g.schedule, g.config.Rate)
		for range n {
			g.dispatch(g.nextDue)
		}
		g.nextDue += int64(gap)
	}
}

// dispatch sends one due request on a free connection or queues it.
func (g *generator) dispatch(due int64) {
	for g.idle.len() > 0 {
		slot := int(g.idle.pop())
		g.slots[slot].resting = false
		if g.slots[slot].open && !g.slots[slot].busy {
			if now := g.now(); g.counted(due) {
				record(g.counts.late, now-due)
			}
			g.send(slot, due)
			return
		}
	}
	if g.backlog.len() >= maxBacklog {
		if g.counted(due) {
			g.counts.dropped++
		}
		return
	}
	g.backlog.push(due)
}

// counted reports whether a request that is due then is measured.
func (g *generator) counted(due int64) bool {
	return g.from > 0 && due >= g.from && (g.until == 0 || due < g.until)
}

// send starts a request on a free connection.
func (g *generator) send(slot int, due int64) {
	s := &g.slots[slot]
	s.busy, s.counted, s.due, s.lastFrame = true, g.counted(due), due, 0
	s.hangUp = g.config.HangUpShare > 0 && g.random.Float64() < g.config.HangUpShare
	g.inFlight++
	if s.counted {
		g.counts.sent++
	}
	if err := g.net.write(slot, g.corpus.pick(g.random)); err != nil {
		g.lose(slot, err)
	}
}

// handle takes what arrived on a connection.
func (g *generator) handle(slot int, data []byte, err error) {
	if err != nil {
		g.lose(slot, err)
		return
	}
	now := g.now()
	s := &g.slots[slot]
	g.heard = true
	if g.measuring {
		g.counts.bytes += int64(len(data))
	}
	s.eachLine(data, func(line []byte) bool { return g.line(slot, s, line, now) })
	if s.slow && s.open {
		g.net.pause(slot)
		wait := float64(len(data)) / g.config.SlowRate * float64(time.Second)
		g.timers.push(timer{at: now + int64(wait), slot: slot, resume: true})
	}
}

// line takes one response line; false ends the reading of what came with it,
// because the connection is gone.
func (g *generator) line(slot int, s *slotState, line []byte, now int64) bool {
	kind := kindOf(line, g.decoder)
	g.understood = g.understood || kind != frameOther
	if !s.busy || kind == frameOther {
		if kind == frameError { // unasked for: the server is about to hang up
			g.countError(line)
		}
		return true
	}
	if g.measuring {
		g.counts.frames++
	}
	g.recordFrame(s, kind, now)
	switch {
	case kind == frameToken && s.hangUp:
		g.hangUp(slot)
		return false
	case kind == frameToken:
		return true
	case kind == frameError:
		g.finishError(s, line, now)
	default:
		g.finishDone(s, now)
	}
	g.release(slot)
	return true
}

// release gives a connection whose answer is complete its next request.
func (g *generator) release(slot int) {
	g.slots[slot].busy = false
	g.inFlight--
	switch {
	case !g.config.openLoop():
		if g.sending {
			g.send(slot, g.now())
		}
	case g.backlog.len() > 0:
		g.send(slot, g.backlog.pop())
	default:
		g.rest(slot)
	}
}

// rest queues a free connection of the open loop. One that was lost while it
// rested is still in the queue, and must not be twice.
func (g *generator) rest(slot int) {
	if s := &g.slots[slot]; !s.resting {
		s.resting = true
		g.idle.push(int32(slot))
	}
}

// hangUp abandons a request by closing its connection, as clients do.
func (g *generator) hangUp(slot int) {
	g.finishHangUp(&g.slots[slot])
	g.disconnect(slot)
	g.reopen(slot)
}

// lose handles a connection that ended by itself.
func (g *generator) lose(slot int, err error) {
	g.failure = err
	if g.slots[slot].busy {
		g.total.Failed++
		g.tallyError(lostConnection)
	}
	g.disconnect(slot)
	// Not at once: a server that closes everything would be dialled in a storm.
	g.timers.push(timer{at: g.now() + int64(reopenDelay), slot: slot})
}

func (g *generator) disconnect(slot int) {
	s := &g.slots[slot]
	if !s.open {
		return
	}
	if s.busy {
		g.inFlight--
	}
	g.net.close(slot)
	s.open, s.busy = false, false
	g.open--
}

// reopen connects a slot again and puts it to work, as long as there is any: in
// the drain what is still in the backlog.
func (g *generator) reopen(slot int) {
	if g.slots[slot].open || !g.sending && g.backlog.len() == 0 {
		return
	}
	if err := g.connect(context.Background(), slot, reopenTimeout); err != nil {
		g.failure = err
		g.tallyError(failedConnect)
		g.timers.push(timer{at: g.now() + int64(reopenDelay), slot: slot})
		return
	}
	g.inFlight++ // release takes it back
	g.release(slot)
}

// runTimers does what is due by now, as long as the run goes on: slow readers read
// on, lost connections come back, which may take a while each.
func (g *generator) runTimers(ctx context.Context, now, end int64) {
	for ctx.Err() == nil && g.now() < end {
		at, ok := g.timers.next()
		if !ok || at > now {
			return
		}
		t := g.timers.pop()
		if t.resume {
			g.net.resume(t.slot)
		} else {
			g.reopen(t.slot)
		}
	}
}
