package command

import (
	"fmt"
	"io"
	"math"
	"os"
	"time"

	"golang.org/x/term"

	"inferd/bench/load"
)

// progress is one line on a terminal that is written over and over; elsewhere
// nothing.
type progress struct {
	w     io.Writer // nil: silent
	shown bool
	step  string // of a sweep
	note  string // of the repetitions
}

func newProgress(w io.Writer, quiet bool, step string) *progress {
	file, ok := w.(*os.File)
	if quiet || !ok || !term.IsTerminal(int(file.Fd())) {
		return &progress{}
	}
	return &progress{w: w, step: step}
}

const clearLine = "\r\x1b[K"

func (p *progress) show(now load.Progress) {
	if p.w == nil {
		return
	}
	p.shown = true
	_, _ = io.WriteString(p.w, clearLine+progressLine(p.step+p.note, now))
}

// progressLine says how far a run is, the most important first: what does not
// fit in progressColumns is left out.
func progressLine(note string, now load.Progress) string {
	var parts []string
	if now.Phase == "connecting" {
		parts = append(parts, fmt.Sprintf("connecting %d of %d", now.Conns, now.WantConns))
	} else {
		elapsed := min(now.Elapsed, now.Total).Round(100 * time.Millisecond)
		parts = append(parts, fmt.Sprintf("%s %v of %v", now.Phase, elapsed, now.Total),
			fmt.Sprintf("%d done", now.Done))
	}
	if now.Failed > 0 {
		parts = append(parts, fmt.Sprintf("%d failed", now.Failed))
	}
	if now.Rejected > 0 {
		parts = append(parts, fmt.Sprintf("%d refused", now.Rejected))
	}
	if now.Phase != "connecting" && now.Conns != now.WantConns {
		parts = append(parts, fmt.Sprintf("%d of %d connected", now.Conns, now.WantConns))
	}
	line, space := note, ""
	for _, part := range parts {
		if len(line)+len(space)+len(part) > progressColumns {
			break
		}
		line += space + part
		space = "  "
	}
	return line
}

// repeated notes how near the runs made are to agreement.
func (p *progress) repeated(made int, spread float64) {
	p.note = fmt.Sprintf("[run %d] ", made+1)
	if !math.IsInf(spread, 1) {
		p.note = fmt.Sprintf("[run %d, spread %.1f%%] ", made+1, 100*spread)
	}
}

func (p *progress) clear() {
	if p.shown {
		_, _ = io.WriteString(p.w, clearLine)
		p.shown = false
	}
}
