package daemon

import "go.uber.org/atomic"

// pulse is what the daemon knows of its event loops. Only its own goroutine asks
// them: a loop's word that it has turned is given once, so a second one who asks
// takes it away from the first. The watchdog reads what was heard last.
type pulse struct {
	beats atomic.Bool // the last answer; read by anyone

	// owned by the daemon's goroutine
	missed int // answers in a row that were no
}

// take remembers an answer.
func (p *pulse) take(alive bool) {
	p.beats.Store(alive)
	if alive {
		p.missed = 0
		return
	}
	p.missed++
}

// lost says that a loop will not come back.
func (p *pulse) lost() bool { return p.missed >= aliveMisses }
