package llamacpp

import (
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"inferd/engine"
)

// BenchmarkWorkerOverhead: what the worker process costs on the small random
// model. Two engines, one in this process and one in a worker, do the same work
// in turn, in short rounds whose order alternates, so that whatever else the
// machine does hits both alike. An iteration is one round of each; the metrics
// are medians over the iterations:
//
//	go test ./engine/llamacpp -run - -bench WorkerOverhead -benchtime 100x
//
// cpu-ratio is the CPU time of a token, daemon and worker together, over that
// in one process; time-ratio is the same of the elapsed time. Both compare the
// two rounds of one iteration.
func BenchmarkWorkerOverhead(b *testing.B) {
	for _, sequences := range []int{8, 64} {
		b.Run(fmt.Sprint(sequences), func(b *testing.B) {
			o := Options{Parallel: sequences, NCtx: 512}
			apart := start(b, o, engine.Hooks{})
			o.Isolation = IsolationNone
			within := start(b, o, engine.Hooks{})
			both := func(i int) (one, two round) {
				if i%2 == 0 {
					one = measureRound(b, within, sequences, 0)
				}
				two = measureRound(b, apart, sequences, workerPID(apart))
				if i%2 == 1 {
					one = measureRound(b, within, sequences, 0)
				}
				return one, two
			}
			both(0) // warm
			var cpu, elapsed, cpus, rates []float64
			for i := 0; b.Loop(); i++ {
				one, two := both(i)
				cpu = append(cpu, two.cpu/one.cpu)
				elapsed = append(elapsed, two.elapsed/one.elapsed)
				cpus = append(cpus, two.cpu)
				rates = append(rates, 1e6/two.elapsed)
			}
			b.ReportMetric(median(cpu), "cpu-ratio")
			b.ReportMetric(median(elapsed), "time-ratio")
			b.ReportMetric(median(cpus), "cpu-µs/token")
			b.ReportMetric(median(rates), "tokens/s")
		})
	}
}

// round is what one measurement gave, in microseconds a token.
type round struct{ elapsed, cpu float64 }

// measureRound lets as many clients as sequences ask four times for 64 tokens.
func measureRound(b *testing.B, e *Engine, clients, worker int) round {
	const tokens, requests = 64, 4
	cpu, began := cpuTime(b, worker), time.Now()
	var crowd sync.WaitGroup
	for range clients {
		crowd.Go(func() {
			req := ask("hello there", tokens)
			for range requests {
				if _, err := e.Generate(b.Context(), req, discard{}); err != nil {
					b.Error(err)
				}
			}
		})
	}
	crowd.Wait()
	perToken := func(d time.Duration) float64 {
		return float64(d.Nanoseconds()) / 1e3 / float64(clients*requests*tokens)
	}
	return round{elapsed: perToken(time.Since(began)), cpu: perToken(cpuTime(b, worker) - cpu)}
}

// cpuTime is what this process and the worker, if not 0, have used so far, to
// the nanosecond: /proc counts in hundredths of a second.
func cpuTime(b *testing.B, worker int) time.Duration {
	b.Helper()
	total := time.Duration(0)
	for _, pid := range []int{os.Getpid(), worker} {
		if pid == 0 {
			continue
		}
		const allThreads = 2 // see clock_getcpuclockid(3)
		var t unix.Timespec
		if err := unix.ClockGettime(int32(^pid)<<3|allThreads, &t); err != nil {
			b.Fatal(err)
		}
		total += time.Duration(t.Nano())
	}
	return total
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}
