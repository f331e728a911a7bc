package load

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
	if g.measuring {
		g.counts.done++
	}
	if !s.counted {
		return
	}
	record(g.counts.e2e, now-s.due)
	if g.config.SLO.met(s.firstAfter, now-s.due) {
		g.counts.good++
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
	switch {
	case !g.measuring:
	case code == "queue_full":
		g.counts.rejected++
	default:
		g.counts.errors[code]++
	}
	return code
}
