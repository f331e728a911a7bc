package load

import (
	"fmt"
	"maps"
	"time"
)

// result takes what is known when the measurement ends; unread is why the
// server's process could not be read then.
func (g *generator) result(before, after sample, unread error) *Result {
	c := g.counts
	elapsed := max(time.Duration(after.at-before.at), 1).Seconds()
	answers := float64(c.done + c.rejected)
	waited := after.waited.since(before.waited)
	r := &Result{
		Seconds: elapsed, Before: c.before,
		Done: c.done, Rejected: c.rejected, Frames: c.frames, Bytes: c.bytes,
		Errors: maps.Clone(c.errors),
		Tokens: c.tokens, TokenRate: float64(c.tokens) / elapsed,
		RPS: float64(c.done) / elapsed, AnswerRate: answers / elapsed,
		FrameRate:  float64(c.frames) / elapsed,
		ClientCPU:  (after.own - before.own).Seconds() / elapsed,
		ClientWait: waited.sum.Seconds() / elapsed,
		MeanWait:   float64(waited.mean()) / float64(time.Microsecond),
	}
	g.config.describe(r)
	switch {
	case g.config.ServerPID == 0:
	case unread != nil:
		r.Warnings = append(r.Warnings, fmt.Sprintf("no server figures: %v", unread))
	default:
		r.Server = serverUse(before.server, after.server, elapsed, answers, float64(c.frames))
	}
	return r
}

// describe says in the result how the load was made.
func (c *Config) describe(r *Result) {
	r.Label, r.Target, r.Transport, r.Loop = c.Label, c.Target.String(), "uds", loopClosed
	r.Conns, r.SLO, r.Seed, r.Warmup = c.Conns, c.SLO, c.Seed, c.Warmup.Seconds()
	r.Prompt, r.HangUpShare = c.Prompt.String(), c.HangUpShare
	if c.Target.TCP != "" {
		r.Transport = "tcp"
	}
	if c.openLoop() {
		r.Loop, r.Offered, r.Arrivals = loopOpen, c.Rate, c.Arrivals.String()
	}
	if c.MaxTokens != nil {
		r.MaxTokens = c.MaxTokens.String()
	}
	if c.SlowShare > 0 {
		r.SlowShare, r.SlowRate = c.SlowShare, c.SlowRate
	}
}

func serverUse(before, after processTree, elapsed, answers, frames float64) *Server {
	used := after.since(before).Seconds()
	s := &Server{
		PID: after.pid, Children: after.children(), CPU: used / elapsed, CPUSeconds: used,
		RSSBytes: after.memory(),
	}
	if answers > 0 {
		s.USPerRequest = used / answers * 1e6
	}
	if frames > 0 {
		s.USPerFrame = used / frames * 1e6
	}
	return s
}

// finish adds what the last answers decided.
func (g *generator) finish(r *Result) {
	c := g.counts
	r.TTFT, r.InterToken = latency(c.ttft), latency(c.gap)
	r.E2E, r.Reject, r.SendLate = latency(c.e2e), latency(c.reject), latency(c.late)
	r.Sent, r.HungUp, r.Unsent = c.sent, c.hungUp, c.dropped+g.unsent()
	r.DoneAfter, r.RejectedAfter, r.ErrorsAfter = c.doneAfter, c.rejectedAfter, c.errorsAfter
	r.Unfinished = int64(g.inFlight)
	r.Goodput = float64(c.good) / r.Seconds
	if due := c.sent - c.notDue + r.Unsent; due > 0 {
		r.GoodShare = float64(c.good) / float64(due)
	}
	r.Problem = g.problem(r)
	r.Warnings = append(r.Warnings, g.config.warnings(r)...)
	r.Warnings = append(r.Warnings, g.corpus.warnings()...)
}

// unsent empties the backlog and counts what was due within the measurement.
func (g *generator) unsent() (n int64) {
	for g.backlog.len() > 0 {
		if g.counted(g.backlog.pop()) {
			n++
		}
	}
	return n
}
