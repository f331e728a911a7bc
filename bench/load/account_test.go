package load

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/atomic"
)

// TestHangingServer: requests without an answer show, whenever they were sent.
func TestHangingServer(t *testing.T) {
	f := func(warmup time.Duration, sent, before int64) {
		t.Helper()
		config := short(fakeServer(t, "unix", func(r *bufio.Reader, _ net.Conn) {
			for skipLine(r) { // and says nothing
			}
		}))
		config.Warmup, config.Drain = warmup, 30*time.Millisecond
		mustRun(t, config, func(t *testing.T, r *Result) {
			if r.Sent != sent || r.Before != before || r.Unfinished != 4 || r.GoodShare != 0 {
				t.Errorf("sent %d, before %d, unfinished %d", r.Sent, r.Before, r.Unfinished)
			}
			if r.Worked() || r.Problem != "no request was answered: 4 unfinished" {
				t.Errorf("problem %q", r.Problem)
			}
		})
	}
	f(0, 4, 0)
	f(20*time.Millisecond, 0, 4)
}

// TestEndsAfterTheMeasuredTime: what is answered in the drain is reported apart,
// and its latency counts if it was sent within the measurement.
func TestEndsAfterTheMeasuredTime(t *testing.T) {
	f := func(warmup time.Duration, reply string, done, rejected, failed, latencies int64) {
		t.Helper()
		var release atomic.Pointer[chan struct{}]
		config := short(fakeServer(t, "unix", func(r *bufio.Reader, w net.Conn) {
			skipLine(r)
			<-*release.Load()
			_, _ = io.WriteString(w, reply)
		}))
		config.Warmup = warmup
		config.Progress = func(p Progress) {
			switch p.Phase {
			case "connecting":
				if p.Conns == 0 {
					release.Store(new(make(chan struct{})))
				}
			case "draining":
				select {
				case <-*release.Load():
				default:
					close(*release.Load())
				}
			}
		}
		mustRun(t, config, func(t *testing.T, r *Result) {
			if r.Done != 0 || r.Rejected != 0 || r.Failed() != 0 || r.Unfinished != 0 {
				t.Errorf("within: %+v", r)
			}
			if r.DoneAfter != done || r.RejectedAfter != rejected || r.FailedAfter() != failed {
				t.Errorf("after: %d done, %d rejected, %v", r.DoneAfter, r.RejectedAfter, r.ErrorsAfter)
			}
			if r.E2E.Count+r.Reject.Count != latencies {
				t.Errorf("%d and %d latencies", r.E2E.Count, r.Reject.Count)
			}
			if r.Worked() != (done+rejected > 0) || r.Worked() == (r.Problem != "") {
				t.Errorf("worked %v, problem %q", r.Worked(), r.Problem)
			}
		})
	}
	f(0, answer, 4, 0, 0, 4)
	f(20*time.Millisecond, answer, 4, 0, 0, 0)
	f(0, fullLine, 0, 4, 0, 4)
	f(0, failLine, 0, 0, 4, 0)
	f(0, "", 0, 0, 4, 0) // the connection is lost
}

// TestEveryRequestEnds: each request that was sent is in exactly one count.
func TestEveryRequestEnds(t *testing.T) {
	replies := []string{answer, answer, fullLine, failLine, tokenLine} // the last hangs up
	var requests atomic.Int64
	mixed := func(r *bufio.Reader, w net.Conn) {
		for skipLine(r) {
			reply := replies[requests.Inc()%int64(len(replies))]
			_, _ = io.WriteString(w, reply)
			if reply == tokenLine {
				return
			}
		}
	}
	f := func(rate float64, warmup time.Duration) {
		t.Helper()
		config := short(fakeServer(t, "unix", mixed))
		config.Conns, config.Rate, config.Warmup, config.HangUpShare = 8, rate, warmup, 0.2
		mustRun(t, config, func(t *testing.T, r *Result) {
			ended := r.Done + r.DoneAfter + r.Rejected + r.RejectedAfter + r.Failed() +
				r.FailedAfter() + r.HungUp + r.Unfinished
			if warmup == 0 && r.Sent == 0 || r.Unsent == 0 && r.Sent+r.Before != ended {
				t.Errorf("%d sent and %d before, %d ended: %+v", r.Sent, r.Before, ended, r)
			}
		})
	}
	f(0, 0)
	f(0, 30*time.Millisecond)
	f(50, 0)
	f(50, 30*time.Millisecond)
}

// TestHangUpsAreNotDue: abandoned requests are neither good nor bad.
func TestHangUpsAreNotDue(t *testing.T) {
	config := short(fakeServer(t, "unix", answering(answer)))
	config.HangUpShare, config.SLO.E2E = 0.5, time.Minute
	mustRun(t, config, func(t *testing.T, r *Result) {
		if r.HungUp == 0 || r.Done == 0 || r.GoodShare != 1 {
			t.Errorf("hung up %d, done %d, good share %v", r.HungUp, r.Done, r.GoodShare)
		}
	})
}

func TestProblems(t *testing.T) {
	f := func(network string, handle func(*bufio.Reader, net.Conn), want, not string) {
		t.Helper()
		config := short(fakeServer(t, network, handle))
		config.Warmup = 0
		mustRun(t, config, func(t *testing.T, r *Result) {
			if !strings.Contains(r.Problem, want) || strings.Contains(r.Problem, not) {
				t.Errorf("problem %q, want %q", r.Problem, want)
			}
		})
	}
	closing := func(r *bufio.Reader, _ net.Conn) { skipLine(r) }
	f("tcp", closing, "API key", "another server")
	f("unix", closing, "no request was answered: connection lost ", "API key")
	http := "HTTP/1.1 400 Bad Request\r\n\r\n"
	f("tcp", func(r *bufio.Reader, w net.Conn) {
		skipLine(r)
		_, _ = io.WriteString(w, http)
	}, "is this another server?", "API key")
	f("tcp", answering(failLine), "no request was answered: internal ", ";")
}

// TestServerGone: its end is reported, whether or not it answered before.
func TestServerGone(t *testing.T) {
	f := func(reply, want string) {
		t.Helper()
		for _, portable := range []bool{false, true} {
			config := short(fakeServer(t, "unix", func(r *bufio.Reader, w net.Conn) {
				skipLine(r)
				_ = os.Remove(w.LocalAddr().String()) // nobody can connect again
				_, _ = io.WriteString(w, reply)
			}))
			config.Warmup, config.Duration, config.Portable = 0, 500*time.Millisecond, portable
			r, err := Run(t.Context(), config)
			if err != nil || !strings.Contains(r.Problem, want) {
				t.Errorf("%v: problem %q, want %q; %v", err, r.Problem, want, r.Errors)
			}
		}
	}
	f(answer, "the server was gone when the run ended: ")
	f("", "; the server is gone: ")
}

func TestWarnings(t *testing.T) {
	f := func(r *Result, config Config, want ...string) {
		t.Helper()
		got := config.warnings(r)
		if len(got) != len(want) {
			t.Errorf("%q, want %q", got, want)
			return
		}
		for i := range want {
			if !strings.Contains(got[i], want[i]) {
				t.Errorf("%q, want %q", got[i], want[i])
			}
		}
	}
	f(&Result{ClientWait: 0.3, MeanWait: 12}, Config{}) // wake-ups
	f(&Result{ClientCPU: 0.79, ClientWait: 0.09, MeanWait: 90, SendLate: Latency{P99: 1.9}},
		Config{Conns: 10, SlowShare: 0.1})
	f(&Result{ClientCPU: 0.8}, Config{}, "0.80 of a core")
	f(&Result{ClientWait: 0.25, MeanWait: 70}, Config{}, "waited for a processor 25% of the time, 70 us")
	f(&Result{SendLate: Latency{P99: 12.3}}, Config{}, "12.3ms behind their schedule")
	f(&Result{}, Config{Conns: 4, SlowShare: 0.1}, "0.1 of 4 rounds to none")
}

func TestWithHint(t *testing.T) {
	f := func(err error, hint bool) {
		t.Helper()
		got := withHint(fmt.Errorf("connect: %w", err))
		if !errors.Is(got, err) || strings.Contains(got.Error(), "ulimit -n") != hint {
			t.Errorf("%v", got)
		}
	}
	f(syscall.EMFILE, true)
	f(syscall.ENFILE, true)
	f(syscall.ENOENT, false)
}

// TestInterrupted: what was measured by then comes with the error.
func TestInterrupted(t *testing.T) {
	f := func(phase string, handle func(*bufio.Reader, net.Conn), check func(r *Result) bool) {
		t.Helper()
		config := short(fakeServer(t, "unix", handle))
		mustInterrupt(t, config, phase, check)
	}
	f("warming up", answering(answer), func(r *Result) bool { return r == nil })
	f("measuring", answering(answer), func(r *Result) bool { return r.Interrupted && r.Problem == "" })
	// Nothing is answered, so that there is something to drain.
	f("draining", func(r *bufio.Reader, _ net.Conn) {
		for skipLine(r) {
		}
	}, func(r *Result) bool { return r.Interrupted && r.Unfinished == 4 && r.Problem == "" })
}

func mustInterrupt(t *testing.T, config Config, phase string, check func(r *Result) bool) {
	t.Helper()
	for _, portable := range []bool{false, true} {
		ctx, cancel := context.WithCancel(t.Context())
		config.Portable = portable
		config.Progress = func(p Progress) {
			if p.Phase == phase {
				cancel()
			}
		}
		r, err := Run(ctx, config)
		if !errors.Is(err, context.Canceled) || !check(r) {
			t.Errorf("%s: %v, %+v", phase, err, r)
		}
		cancel()
	}
}

// TestDescription: the result says how the load was made.
func TestDescription(t *testing.T) {
	config := short(fakeServer(t, "unix", answering(answer)))
	config.Prompt, config.MaxTokens = Uniform{1, 9}, LogNormal{40, 1}
	config.SlowShare, config.HangUpShare, config.Seed = 0.5, 0.25, 7
	mustRun(t, config, func(t *testing.T, r *Result) {
		if r.Prompt != "uniform:1-9" || r.MaxTokens != "lognormal:40,1" || r.SlowShare != 0.5 ||
			r.SlowRate != 1024 || r.HangUpShare != 0.25 || r.Seed != 7 || r.Warmup != 0.02 {
			t.Errorf("%+v", r)
		}
	})
}

// TestProgress: every phase tells its own length.
func TestProgress(t *testing.T) {
	config := short(fakeServer(t, "unix", answering(answer)))
	var phases []string
	config.Progress = func(p Progress) {
		want := map[string]time.Duration{
			"connecting": 0, "warming up": config.Warmup, "measuring": config.Duration,
			"draining": config.Drain,
		}
		if total, known := want[p.Phase]; !known || p.Total != total || p.WantConns != 4 {
			t.Errorf("%+v", p)
		}
		if len(phases) == 0 || phases[len(phases)-1] != p.Phase {
			phases = append(phases, p.Phase)
		}
	}
	if _, err := Run(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(phases, ", "); got != "connecting, warming up, measuring, draining" {
		t.Error(got)
	}
}
