package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"inferd/admit"
	"inferd/bench/load"
	"inferd/client"
	"inferd/engine"
	"inferd/engine/mock"
	"inferd/internal/activity"
	"inferd/internal/serve"
	"inferd/loop"
	"inferd/route"
)

const (
	tokens   = 8
	measured = time.Second
	warmup   = 200 * time.Millisecond
)

// job is what the generator is to do.
type job struct {
	Target client.Target
	Conns  int
	Server int // process id
}

// generatorEnv holds a job as JSON in the process that generates load:
// this test binary once more, so that time and allocations are the server's.
const generatorEnv = "INFERD_BENCH_GENERATOR"

func TestMain(m *testing.M) {
	if text := os.Getenv(generatorEnv); text != "" {
		if err := generate(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// generate runs the load and prints its load.Result.
func generate(text string) error {
	var j job
	if err := json.Unmarshal([]byte(text), &j); err != nil {
		return err
	}
	r, err := load.Run(context.Background(), load.Config{
		Target: j.Target, Conns: j.Conns, ServerPID: j.Server,
		Warmup: warmup, Duration: measured,
	})
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}

// generator runs generate in a process of its own.
func generator(j job) (*load.Result, error) {
	text, err := json.Marshal(j)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), generatorEnv+"="+string(text))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	r := new(load.Result)
	return r, json.Unmarshal(out, r)
}

// BenchmarkServe runs each case for a second, whatever b.N is, and reports rates
// and costs instead of ns/op.
func BenchmarkServe(b *testing.B) {
	burst := mock.Options{Tokens: tokens}
	step := mock.Options{Tokens: tokens, TokenDelay: time.Nanosecond} // yields between tokens
	for _, network := range []string{"unix", "tcp"} {
		for _, conns := range []int{1, 64, 1024} {
			f := func(name string, eng engine.Engine, o serve.Options) {
				b.Run(fmt.Sprintf("%s/%s/conns=%d", name, network, conns), func(b *testing.B) {
					run(b, eng, o, network, conns)
				})
			}
			f("burst", mock.New(burst), serve.Options{ActivePermits: 1, QueueDepth: conns})
			f("step", mock.New(step), serve.Options{ActivePermits: 64, QueueDepth: conns})
			f("reject", blocked{}, serve.Options{ActivePermits: 1})
		}
	}
}

// blocked is an engine that keeps its worker, so that every other request is
// rejected.
type blocked struct{ *mock.Engine }

func (blocked) Name() string                      { return "blocked" }
func (blocked) Ready() bool                       { return true }
func (blocked) Capabilities() engine.Capabilities { return engine.Capabilities{V1: true} }

func (blocked) Generate(
	ctx context.Context, _ *engine.Request, _ engine.Sink,
) (engine.Result, error) {
	<-ctx.Done()
	return engine.Result{}, ctx.Err()
}

func run(b *testing.B, eng engine.Engine, o serve.Options, network string, conns int) {
	s := serveOn(b, eng, o, network)
	if _, ok := eng.(blocked); ok {
		hold(b, s.target)
		for s.gate.Count() != 1 {
			time.Sleep(time.Millisecond)
		}
	}
	allocations := make(chan float64, 1)
	open := s.server.Count() + conns
	go func() { allocations <- s.allocationRate(open) }()
	r, err := generator(job{Target: s.target, Conns: conns, Server: os.Getpid()})
	if err != nil {
		b.Fatal(err)
	}
	answers := float64(r.Done + r.Rejected)
	cpu := r.Server.CPUSeconds * 1e9
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(answers/r.Seconds, "answers/s")
	b.ReportMetric(cpu/answers, "cpu-ns/answer")
	if r.Done == 0 {
		b.ReportMetric(<-allocations/answers*r.Seconds, "allocs/refusal")
		return
	}
	b.ReportMetric(<-allocations/answers*r.Seconds/tokens, "allocs/token")
	b.ReportMetric(r.FrameRate, "frames/s")
	b.ReportMetric(cpu/float64(r.Frames), "cpu-ns/frame")
}

// allocationRate is how many objects this process allocates a second, over half
// of the measured time: when all connections are open and the pools have grown.
func (s *stack) allocationRate(conns int) float64 {
	for s.server.Count() < conns {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(warmup + measured/4)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	time.Sleep(measured / 2)
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs-before.Mallocs) / took.Seconds()
}

// stack is a daemon without its command line.
type stack struct {
	target client.Target
	server *loop.Server
	gate   *admit.Gate
}

// serveOn starts a serving stack with the activity log on, as the daemon has it.
func serveOn(b *testing.B, eng engine.Engine, o serve.Options, network string) *stack {
	b.Helper()
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		b.Fatal(err)
	}
	router, err := route.New([]route.Entry{{Name: "bench", Engine: eng}}, route.Options{})
	if err != nil {
		b.Fatal(err)
	}
	o.Router = router
	o.Log = activity.Open(activity.Options{Dir: filepath.Join(dir, "logs")})
	service := serve.New(o)
	server, err := loop.Start(loop.Options{Loops: 1})
	if err != nil {
		b.Fatal(err)
	}
	addr, target := "127.0.0.1:0", client.Target{}
	if network == "unix" {
		addr = filepath.Join(dir, "s")
		target.Unix = addr
	}
	ln, err := net.Listen(network, addr)
	if err != nil {
		b.Fatal(err)
	}
	if network == "tcp" {
		target.TCP = ln.Addr().String()
	}
	server.Serve(ln, service.V1(serve.V1Options{}), loop.ListenOptions{})
	b.Cleanup(func() {
		now, cancel := context.WithCancel(context.Background())
		cancel()
		server.Shutdown(now, 0)
		service.Stop()
		_ = o.Log.Close(context.Background())
		_ = os.RemoveAll(dir)
	})
	return &stack{target: target, server: server, gate: service.Gate()}
}

// hold occupies the only permit.
func hold(b *testing.B, target client.Target) {
	b.Helper()
	c, err := client.Dial(context.Background(), target)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = c.Close() })
	go func() {
		for range c.Generate(context.Background(), client.Request{
			Messages: []client.Message{{Role: "user", Content: "hold"}},
		}) {
		}
	}()
}
