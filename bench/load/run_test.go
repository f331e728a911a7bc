package load

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/atomic"

	"inferd/client"
)

// short is a run that is over soon.
func short(target client.Target) Config {
	return Config{
		Target: target, Conns: 4, Warmup: 20 * time.Millisecond, Duration: 150 * time.Millisecond,
		Drain: 2 * time.Second, Seed: 1,
	}
}

// mustRun runs with both transports where there are two.
func mustRun(t *testing.T, config Config, check func(t *testing.T, r *Result)) {
	t.Helper()
	for name, portable := range map[string]bool{"native": false, "portable": true} {
		t.Run(name, func(t *testing.T) {
			config.Portable = portable
			r, err := Run(t.Context(), config)
			if err != nil {
				t.Fatal(err)
			}
			check(t, r)
		})
	}
}

func TestClosedLoop(t *testing.T) {
	for _, network := range []string{"unix", "tcp"} {
		t.Run(network, func(t *testing.T) {
			config := short(fakeServer(t, network, answering(answer)))
			mustRun(t, config, func(t *testing.T, r *Result) {
				if r.Done < 10 || r.Rejected != 0 || r.Failed() != 0 || r.Unfinished != 0 {
					t.Errorf("done %d, rejected %d, errors %v, unfinished %d",
						r.Done, r.Rejected, r.Errors, r.Unfinished)
				}
				// The measurement's edges cut through answers, one a connection.
				if diff := r.Frames - 3*r.Done; diff < -12 || diff > 12 {
					t.Errorf("%d frames for %d answers of three", r.Frames, r.Done)
				}
				if r.TTFT.Count == 0 || r.InterToken.Count != r.TTFT.Count || r.E2E.P50 <= 0 ||
					r.E2E.P50 < r.TTFT.P50 || r.E2E.Max < r.E2E.P999 {
					t.Errorf("ttft %+v\ngaps %+v\ne2e %+v", r.TTFT, r.InterToken, r.E2E)
				}
				if want := map[string]string{"unix": "uds", "tcp": "tcp"}[network]; r.Transport != want {
					t.Errorf("transport %q", r.Transport)
				}
				if r.GoodShare != 1 {
					t.Errorf("good share %v without an objective, want 1", r.GoodShare)
				}
			})
		})
	}
}

func TestRefusalsAndErrors(t *testing.T) {
	f := func(reply string, check func(r *Result) bool) {
		t.Helper()
		config := short(fakeServer(t, "unix", answering(reply)))
		mustRun(t, config, func(t *testing.T, r *Result) {
			if r.Done != 0 || r.Good() != 0 || !check(r) {
				t.Errorf("%s%+v", reply, r)
			}
		})
	}
	f(fullLine, func(r *Result) bool {
		return r.Rejected > 0 && r.Failed() == 0 && r.Reject.Count > 0
	})
	f(failLine, func(r *Result) bool { return r.Rejected == 0 && r.Errors["internal"] > 0 })
}

// TestOtherKeyOrder: a server may order its keys as it likes.
func TestOtherKeyOrder(t *testing.T) {
	config := short(fakeServer(t, "unix", answering(
		`{"id":"bench","type":"token","content":"t"}`+"\n"+`{"later":1,"type":"new"}`+"\n"+
			`{ "stop_reason":"end", "type":"done", "id":"bench","content":"t",`+
			`"usage":{"prompt_tokens":0,"completion_tokens":1},"backend":"x"}`+"\n")))
	mustRun(t, config, func(t *testing.T, r *Result) {
		if r.Done == 0 || r.TTFT.Count == 0 || r.InterToken.Count != 0 {
			t.Errorf("done %d, ttft %d, gaps %d", r.Done, r.TTFT.Count, r.InterToken.Count)
		}
	})
}

// TestOpenLoopCountsFromWhenDue is the promise against coordinated omission: a
// server that stalls once for 100 ms delays every request that is due meanwhile,
// though few of them could be sent.
func TestOpenLoopCountsFromWhenDue(t *testing.T) {
	config := short(client.Target{})
	config.Conns, config.Rate, config.Arrivals = 1, 500, Steady{}
	config.Warmup, config.Duration = 0, 400*time.Millisecond
	for name, portable := range map[string]bool{"native": false, "portable": true} {
		t.Run(name, func(t *testing.T) {
			requests := 0
			config.Target = fakeServer(t, "unix", func(r *bufio.Reader, w net.Conn) {
				for skipLine(r) {
					if requests++; requests == 50 {
						time.Sleep(100 * time.Millisecond) // the stall under test
					}
					_, _ = io.WriteString(w, answer)
				}
			})
			config.Portable = portable
			r, err := Run(t.Context(), config)
			if err != nil {
				t.Fatal(err)
			}
			// Of 200 requests about 50 fell due during the stall; sent-time
			// latencies would show one or two.
			if r.E2E.Max < 90 || r.E2E.P90 < 20 {
				t.Errorf("max %.1f ms, p90 %.1f ms: the stall is hidden", r.E2E.Max, r.E2E.P90)
			}
			if r.E2E.Count < 190 || r.Unsent != 0 || r.Unfinished != 0 {
				t.Errorf("%d answered, %d unsent, %d unfinished", r.E2E.Count, r.Unsent, r.Unfinished)
			}
		})
	}
}

// TestGoodput: what is due but never answered counts against the server.
func TestGoodput(t *testing.T) {
	mute := func(r *bufio.Reader, w net.Conn) {
		skipLine(r)
		_, _ = io.WriteString(w, answer)
		skipLine(r)
		skipLine(r) // the second is never answered
	}
	config := short(fakeServer(t, "unix", mute))
	config.Conns, config.Rate, config.Arrivals = 1, 200, Steady{}
	config.Warmup, config.Drain = 0, 30*time.Millisecond
	mustRun(t, config, func(t *testing.T, r *Result) {
		if r.Done != 1 || r.Unfinished != 1 || r.Unsent < 20 || r.GoodShare > 0.05 {
			t.Errorf("done %d, unfinished %d, unsent %d, good share %v",
				r.Done, r.Unfinished, r.Unsent, r.GoodShare)
		}
	})
	config = short(fakeServer(t, "unix", answering(answer)))
	config.SLO.E2E = time.Nanosecond
	mustRun(t, config, func(t *testing.T, r *Result) {
		if r.Goodput != 0 || r.Done == 0 {
			t.Errorf("goodput %v of %d answers under an impossible objective", r.Goodput, r.Done)
		}
	})
}

func TestHangUps(t *testing.T) {
	var dropped atomic.Int64
	config := short(fakeServer(t, "unix", func(r *bufio.Reader, w net.Conn) {
		for skipLine(r) {
			_, _ = io.WriteString(w, tokenLine)
			if _, err := r.Peek(1); err != nil { // nothing follows until the client is gone
				dropped.Inc()
				return
			}
		}
	}))
	config.HangUpShare = 1
	mustRun(t, config, func(t *testing.T, r *Result) {
		if r.HungUp < 4 || r.Done != 0 || r.Failed() != 0 {
			t.Errorf("hung up %d, done %d, errors %v", r.HungUp, r.Done, r.Errors)
		}
	})
	if dropped.Load() == 0 {
		t.Error("the server saw no connection end")
	}
}

// runUntil is mustRun for runs that happened ends, however long that takes; the
// server of a run is made for it.
func runUntil(
	t *testing.T, config Config, serve func(happened func()) func(*bufio.Reader, net.Conn),
	check func(t *testing.T, r *Result),
) {
	t.Helper()
	config.Duration = time.Hour
	for name, portable := range map[string]bool{"native": false, "portable": true} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			config.Target, config.Portable = fakeServer(t, "unix", serve(cancel)), portable
			r, err := Run(ctx, config)
			if !errors.Is(err, context.Canceled) || r == nil {
				t.Fatalf("%v, %+v", err, r)
			}
			check(t, r)
		})
	}
}

// TestSlowReaders: a slow connection takes a long answer at its own pace.
func TestSlowReaders(t *testing.T) {
	reply := strings.Repeat(tokenLine, 20) + doneLine // about 1 KB
	config := short(client.Target{})
	config.Conns, config.SlowShare, config.SlowRate, config.Warmup = 1, 1, 10_000, 0
	runUntil(t, config, func(happened func()) func(*bufio.Reader, net.Conn) {
		return func(r *bufio.Reader, w net.Conn) {
			for n := 0; skipLine(r); n++ {
				if n == 3 { // three were read to their end
					happened()
				}
				_, _ = io.WriteString(w, reply)
			}
		}
	}, func(t *testing.T, r *Result) {
		if rate := float64(r.Bytes) / r.Seconds; rate > 20_000 || r.Bytes == 0 {
			t.Errorf("%.0f bytes/s at a limit of 10000", rate)
		}
	})
}

// TestLostConnections come back, and the loss is counted.
func TestLostConnections(t *testing.T) {
	config := short(client.Target{})
	config.Warmup = 0
	runUntil(t, config, func(happened func()) func(*bufio.Reader, net.Conn) {
		var conns atomic.Int64
		return func(r *bufio.Reader, w net.Conn) {
			if conns.Inc() == 9 { // of four each came back, and one twice
				happened()
			}
			skipLine(r)
			_, _ = io.WriteString(w, answer)
			skipLine(r) // and hangs up on the second
		}
	}, func(t *testing.T, r *Result) {
		if r.Errors["connection lost"] == 0 || r.Done == 0 {
			t.Errorf("errors %v, done %d", r.Errors, r.Done)
		}
	})
}

// TestDrainWithoutConnections: what is due when the schedule ends is still sent,
// also when the connections end before it.
func TestDrainWithoutConnections(t *testing.T) {
	f := func(hangUps float64, answers int) {
		t.Helper()
		config := short(fakeServer(t, "unix", func(r *bufio.Reader, w net.Conn) {
			for range answers {
				if !skipLine(r) {
					return
				}
				time.Sleep(2 * time.Millisecond) // so that most have to wait
				if _, err := io.WriteString(w, answer); err != nil {
					return
				}
			}
		}))
		config.Conns, config.Rate, config.Arrivals = 1, 1000, Steady{}
		config.Warmup, config.HangUpShare, config.Drain = 0, hangUps, time.Minute
		config.Duration = 40 * time.Millisecond
		mustRun(t, config, func(t *testing.T, r *Result) {
			if r.Unsent != 0 || r.Unfinished != 0 || r.Sent < 38 {
				t.Errorf("%d sent, %d never, %d unfinished", r.Sent, r.Unsent, r.Unfinished)
			}
		})
	}
	f(0.5, 1000)
	f(0, 15)
}

// TestUnsentOfTheWarmup: what was due before the measurement is not part of it.
func TestUnsentOfTheWarmup(t *testing.T) {
	config := short(fakeServer(t, "unix", func(r *bufio.Reader, _ net.Conn) {
		for skipLine(r) { // and says nothing
		}
	}))
	config.Conns, config.Rate, config.Arrivals = 1, 1000, Steady{}
	config.Warmup, config.Duration = 100*time.Millisecond, 50*time.Millisecond
	config.Drain = time.Millisecond
	mustRun(t, config, func(t *testing.T, r *Result) {
		if due := int64(1000 * r.Seconds); r.Before < 98 || r.Unsent < due-1 || r.Unsent > due+1 {
			t.Errorf("%d before, %d unsent of %d", r.Before, r.Unsent, due)
		}
	})
}

// TestDeafServer: a run ends in its time though the server reads nothing.
func TestDeafServer(t *testing.T) {
	over := make(chan struct{})
	config := short(fakeServer(t, "unix", func(*bufio.Reader, net.Conn) { <-over }))
	defer close(over)
	config.Conns, config.Prompt, config.Warmup = 1, Fixed(10<<20), 0
	config.Duration, config.Drain = 20*time.Millisecond, 20*time.Millisecond
	mustRun(t, config, func(t *testing.T, r *Result) {
		if r.Sent != 1 || r.Unfinished != 1 {
			t.Errorf("%d sent, %d unfinished", r.Sent, r.Unfinished)
		}
	})
}

// TestLongPrompts need many writes each; the request must arrive whole.
func TestLongPrompts(t *testing.T) {
	const size = 2 << 20
	var wrong atomic.Int64
	config := short(fakeServer(t, "unix", func(r *bufio.Reader, w net.Conn) {
		for {
			line, err := r.ReadBytes('\n')
			if err != nil {
				return
			}
			if len(line) < size || !strings.HasSuffix(string(line), "\"}]}\n") {
				wrong.Inc()
			}
			_, _ = io.WriteString(w, answer)
		}
	}))
	config.Conns, config.Prompt = 2, Fixed(size)
	mustRun(t, config, func(t *testing.T, r *Result) {
		if r.Done+r.DoneAfter == 0 || wrong.Load() != 0 {
			t.Errorf("done %d, wrong %d", r.Done, wrong.Load())
		}
	})
}

func TestAPIKey(t *testing.T) {
	var first atomic.String
	config := short(fakeServer(t, "tcp", func(r *bufio.Reader, w net.Conn) {
		line, _ := r.ReadString('\n')
		first.Store(line)
		answering(answer)(r, w)
	}))
	config.Target.APIKey = "secret"
	mustRun(t, config, func(t *testing.T, r *Result) {
		if got := first.Load(); got != `{"type":"auth","key":"secret"}`+"\n" || r.Done == 0 {
			t.Errorf("first line %q, done %d", got, r.Done)
		}
	})
}

func TestRunEnds(t *testing.T) {
	config := short(fakeServer(t, "unix", answering(answer)))
	config.Duration = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	seen := 0
	config.Progress = func(p Progress) {
		if seen++; p.Phase == "measuring" {
			cancel()
		}
	}
	if _, err := Run(ctx, config); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
	config.Target.Unix += "-none"
	if _, err := Run(t.Context(), config); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v, want that nothing is there", err)
	}
}

func TestRepeatUntilStable(t *testing.T) {
	config := short(fakeServer(t, "unix", answering(answer)))
	config.Duration = 20 * time.Millisecond
	var spreads []float64
	observe := func(_ []*Result, spread float64) { spreads = append(spreads, spread) }
	r, spread, err := RepeatUntilStable(t.Context(), config,
		Stability{Spread: 1e9, Max: 5, Observe: observe})
	if err != nil || r.Done == 0 || len(spreads) != 3 || spread != spreads[2] {
		t.Errorf("%v; spreads %v, last %v", err, spreads, spread)
	}
	if want := (Repeats{Runs: 3, Compared: 3, Spread: spread}); *r.Repeats != want {
		t.Errorf("%+v, want %+v", *r.Repeats, want)
	}
	spreads = nil
	_, _, err = RepeatUntilStable(t.Context(), config, Stability{Spread: -1, Max: 4, Observe: observe})
	if err != nil || len(spreads) != 4 {
		t.Errorf("%v; %d runs, want the four allowed", err, len(spreads))
	}
	spreads = nil
	config.Target = fakeServer(t, "unix", answering(failLine))
	r, _, err = RepeatUntilStable(t.Context(), config, Stability{Max: 4, Observe: observe})
	if err != nil || len(spreads) != 1 || r.Problem == "" || r.Repeats.Compared != 0 {
		t.Errorf("%v; %d runs of a server that does not work, want 1: %+v", err, len(spreads), r)
	}
}

func TestAgreement(t *testing.T) {
	run := func(us float64) *Result { return &Result{Server: &Server{USPerRequest: us}} }
	middle, spread := agreement([]*Result{run(4), run(3), run(5)})
	if middle.key() != 4 || spread != 0.5 {
		t.Errorf("middle %v, spread %v; want 4 and 0.5", middle.key(), spread)
	}
	// The open loop is answered as fast as it asks.
	open := Result{Loop: loopOpen, AnswerRate: 100, E2E: Latency{P50: 7}}
	if open.key() != 7 {
		t.Errorf("open loops are compared by %v, want their median of 7 ms", open.key())
	}
}
