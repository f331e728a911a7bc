package load

// tally adds one to a count of the measurement or to its counterpart for what
// came after the measured time. The warm-up counts nowhere.
func (g *generator) tally(within, after *int64) {
	switch {
	case g.measuring:
		*within++
	case g.until > 0:
		*after++
	}
}

// tallyError does the same for an error, by its code.
func (g *generator) tallyError(code string) {
	switch {
	case g.measuring:
		g.counts.errors[code]++
	case g.until > 0:
		g.counts.errorsAfter[code]++
	}
}

// recordFrame notes the times of one frame of a counted request.
func (g *generator) recordFrame(s *slotState, kind frameKind, now int64) {
	first := s.lastFrame == 0
	if g.measuring && kind == frameToken {
		g.counts.tokens++
	}
	if s.counted && kind == frameToken {
		if first {
			record(g.counts.ttft, now-s.due)
		} else {
			record(g.counts.gap, now-s.lastFrame)
		}
	}
	if first {
		s.firstAfter = now - s.due
	}
	s.lastFrame = now
}

// finishDone counts a complete answer.
func (g *generator) finishDone(s *slotState, now int64) {
	g.total.Done++
	g.tally(&g.counts.done, &g.counts.doneAfter)
	if !s.counted {
		return
	}
	record(g.counts.e2e, now-s.due)
	if g.config.SLO.met(s.firstAfter, now-s.due) {
		g.counts.good++
	}
}

// finishHangUp counts a request that is abandoned on purpose. Nobody waits for
// its answer any more, so that it is neither good nor due.
func (g *generator) finishHangUp(s *slotState) {
	g.tally(&g.counts.hungUp, &g.counts.hungUp)
	if s.counted {
		g.counts.notDue++
	}
}

// finishError counts a refused or failed one.
func (g *generator) finishError(s *slotState, line []byte, now int64) {
	code := g.countError(line)
	if code != "queue_full" {
		g.total.Failed++
		return
	}
	g.total.Rejected++
	if s.counted {
		record(g.counts.reject, now-s.due)
	}
}

// countError counts an error frame by its code.
func (g *generator) countError(line []byte) string {
	code := "undecodable error frame"
	if frame, err := g.decoder.Decode(line); err == nil {
		code = string(append([]byte(nil), frame.Code...))
	}
	if code == "queue_full" {
		g.tally(&g.counts.rejected, &g.counts.rejectedAfter)
	} else {
		g.tallyError(code)
	}
	return code
}

// Errors that no frame tells of, by the names that reports use.
const (
	lostConnection = "connection lost"
	failedConnect  = "connect failed"
)
