package worker

import (
	"net"
	"os"
	"os/exec"
	"testing"
	"testing/synctest"
	"time"

	"inferd/engine/llamacpp/internal/runner"
	"inferd/engine/llamacpp/internal/sched"
)

// pinged is a socket whose far end answers in the call of Write.
type pinged struct {
	net.Conn
	answer func()
}

func (c pinged) SetWriteDeadline(time.Time) error { return nil }

func (c pinged) Write(b []byte) (int, error) {
	c.answer()
	return len(b), nil
}

// TestWatch: a worker that answers and steps until some moment, under a watchdog
// that is once stopped for a while.
func TestWatch(t *testing.T) {
	const silence, hang, never = 15 * time.Second, time.Minute, time.Hour
	for name, c := range map[string]struct {
		mute, stuck time.Duration // the last answer and the last step come before
		paused      time.Duration // from the fifth second on
		want        string
		least, most time.Duration // when it is killed
	}{
		"sound":               {mute: never, stuck: never},
		"sound, once paused":  {mute: never, stuck: never, paused: 20 * time.Minute},
		"mute":                {10 * time.Second, never, 0, "it was silent for 15s", 24e9, 27e9},
		"mute, once paused":   {0, never, time.Minute, "it was silent for 15s", 73e9, 77e9},
		"hanging":             {never, 10 * time.Second, 0, "a step took more than 1m0s", 69e9, 72e9},
		"hanging, and paused": {never, 0, time.Minute, "a step took more than 1m0s", 118e9, 122e9},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began, paused, steps := time.Now(), c.paused, uint64(0)
				p := &process{
					cmd:      &exec.Cmd{Process: &os.Process{}}, // nobody is killed
					inflight: make(map[uint64]struct{}), work: make(chan struct{}, 1),
				}
				p.conn = pinged{answer: func() {
					if time.Since(began) >= 5*time.Second {
						time.Sleep(paused)
						paused = 0
					}
					if time.Since(began) < c.mute {
						p.heard.Store(p.clock.Load())
					}
					if time.Since(began) < c.stuck {
						steps++
						p.noteStats(sched.Stats{Steps: steps})
					}
				}}
				ended := make(chan struct{})
				go p.watch(silence, hang, ended)
				p.start(&runner.Request{ID: 1})
				var killed time.Duration
				for killed = 0; killed < never/2 && p.reason.Load() == ""; killed = time.Since(began) {
					time.Sleep(time.Second / 2)
				}
				close(ended)
				switch reason := p.reason.Load(); {
				case reason != c.want:
					t.Errorf("killed because %q, want %q", reason, c.want)
				case reason != "" && (killed < c.least || killed > c.most):
					t.Errorf("killed after %v, want %v to %v", killed, c.least, c.most)
				}
			})
		})
	}
}
