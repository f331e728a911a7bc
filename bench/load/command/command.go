package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"inferd/bench/load"
	"inferd/bench/load/report"
	"inferd/client"
)

// flags are the values of the command's flags.
type flags struct {
	uds, tcp, apiKey string
	wait             time.Duration

	config              load.Config
	arrivals            string
	prompt, output      string
	sweepConns          []int
	sweepRate           []float64
	repeatUntilStable   float64
	maxRepeats          int
	json, csv, benchfmt bool
	out, plot           string
	quiet               bool
}

// New makes the command under the given name.
func New(use string) *cobra.Command {
	var f flags
	cmd := &cobra.Command{
		Use:   use,
		Short: "Put load on an inference socket and measure the answers",
		Long: `Put load on any server that speaks inferd's v1 wire and report time to first
token, time between tokens, whole-answer latency, throughput, goodput under a
latency objective, refusals and errors; with --server-pid also the server's
processor time per request and per frame and its memory.

Without --rate the loop is closed: every connection sends its next request when
the last one is answered. With --rate it is open: requests arrive by a schedule
that does not wait for answers, and latency counts from when a request was due,
so that a stalling server cannot hide it.

The generator is one thread on epoll (elsewhere on the net package). It prints
its own use of the processor and warns where it may be the bottleneck itself.`,
		Example: examples(use),
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			cmd.SetContext(ctx)
			return f.run(cmd)
		},
	}
	f.register(cmd)
	return cmd
}

func examples(use string) string {
	name := "inferd-bench"
	if use != name {
		name = "inferdctl " + use
	}
	return strings.ReplaceAll(`  NAME --conns 64 --duration 10s --server-pid $(pidof inferd)
  NAME --rate 2000 --conns 500 --slo-ttft 50ms --slo-e2e 1s
  NAME --rate 500 --arrivals burst:50 --prompt-bytes lognormal:400,1 --max-tokens uniform:16-256
  NAME --sweep-rate 500,1000,2000,4000 --conns 1000 --plot latency.png
  NAME --sweep-conns 1,16,64,1024 --server-pid 4711 --csv --out runs.csv --plot cpu.png`,
		"NAME", name)
}

func (f *flags) register(cmd *cobra.Command) {
	set := cmd.Flags()
	set.SortFlags = false
	set.StringVar(&f.uds, "uds", "", "`path` of the inference socket (env INFERD_UDS; "+
		"default: the first one found in the run directories)")
	set.StringVar(&f.tcp, "tcp", "", "TCP `address` of the server (env INFERD_TCP)")
	set.StringVar(&f.apiKey, "api-key", "", "API `key` for TCP (better: env INFERD_API_KEY)")
	set.DurationVar(&f.wait, "wait", 0, "keep trying this long for the server to come up")

	set.IntVarP(&f.config.Conns, "conns", "c", 1, "connections")
	set.Float64VarP(&f.config.Rate, "rate", "r", 0,
		"requests a second of the open loop; 0 is the closed loop")
	set.StringVar(&f.arrivals, "arrivals", "poisson",
		"spacing in the open loop: poisson, steady or burst:SIZE")
	set.DurationVarP(&f.config.Duration, "duration", "d", 5*time.Second, "measured time")
	set.DurationVarP(&f.config.Warmup, "warmup", "w", time.Second,
		"time before that is not counted")
	set.DurationVar(&f.config.Drain, "drain", 5*time.Second, "longest wait for the last answers")
	set.StringVar(&f.prompt, "prompt-bytes", "2",
		"prompt lengths: N, uniform:LOW-HIGH or lognormal:MEDIAN,SIGMA")
	set.StringVar(&f.output, "max-tokens", "",
		"max_tokens of the requests, the same forms (default: not sent)")
	set.Float64Var(&f.config.SlowShare, "slow-readers", 0,
		"`share` of connections that read slowly, 0 to 1")
	set.Float64Var(&f.config.SlowRate, "slow-rate", 1024, "bytes a second that these read")
	set.Float64Var(&f.config.HangUpShare, "hang-ups", 0,
		"`share` of requests abandoned after the first token")
	set.DurationVar(&f.config.SLO.TTFT, "slo-ttft", 0,
		"longest time to the first token of a good answer")
	set.DurationVar(&f.config.SLO.E2E, "slo-e2e", 0, "longest time to the end of a good answer")
	set.IntVar(&f.config.ServerPID, "server-pid", 0,
		"process whose processor time and memory to read (Linux)")
	set.Uint64Var(&f.config.Seed, "seed", 1, "of the random choices, for repeatable runs")
	set.BoolVar(&f.config.Portable, "portable", false, "use the net package instead of epoll")

	set.IntSliceVar(&f.sweepConns, "sweep-conns", nil,
		"one run for each of these `numbers` of connections")
	set.Float64SliceVar(&f.sweepRate, "sweep-rate", nil, "one run for each of these `rates`")
	set.Lookup("sweep-rate").DefValue = "" // "[]" would be shown as a default
	set.Float64Var(&f.repeatUntilStable, "repeat-until-stable", 0,
		"repeat until three runs in a row are within this `percentage`; report the middle one")
	set.Lookup("repeat-until-stable").NoOptDefVal = "3"
	set.IntVar(&f.maxRepeats, "max-repeats", 10, "give up on that after as many runs")

	set.StringVar(&f.config.Label, "label", "", "name of the run in reports")
	set.BoolVar(&f.json, "json", false, "print JSON, one object a run")
	set.BoolVar(&f.csv, "csv", false, "print CSV")
	set.BoolVar(&f.benchfmt, "benchstat", false, "print lines for benchstat")
	set.StringVarP(&f.out, "out", "o", "", "write the report to a `file`")
	set.StringVar(&f.plot, "plot", "", "draw the sweep into a `file` (.png, .svg, .pdf)")
	set.BoolVarP(&f.quiet, "quiet", "q", false, "no progress line")
	cmd.MarkFlagsMutuallyExclusive("json", "csv", "benchstat")
	cmd.MarkFlagsMutuallyExclusive("sweep-conns", "sweep-rate")
	cmd.MarkFlagsMutuallyExclusive("uds", "tcp")
}

// configure turns flags and environment into the configuration of the runs.
func (f *flags) configure() ([]load.Config, error) {
	var err error
	if f.config.Target, err = f.target(); err != nil {
		return nil, err
	}
	if f.config.Arrivals, err = load.ParseArrivals(f.arrivals); err != nil {
		return nil, fmt.Errorf("--arrivals: %w", err)
	}
	const promptLimit, tokenLimit = 60 << 20, 1<<31 - 1
	if f.config.Prompt, err = load.ParseDist(f.prompt, promptLimit); err != nil {
		return nil, fmt.Errorf("--prompt-bytes: %w", err)
	}
	if f.output != "" {
		if f.config.MaxTokens, err = load.ParseDist(f.output, tokenLimit); err != nil {
			return nil, fmt.Errorf("--max-tokens: %w", err)
		}
	}
	configs := []load.Config{f.config}
	switch {
	case len(f.sweepConns) > 0:
		configs = sweep(f.config, f.sweepConns, func(c *load.Config, n int) { c.Conns = n })
	case len(f.sweepRate) > 0:
		configs = sweep(f.config, f.sweepRate, func(c *load.Config, rate float64) { c.Rate = rate })
	}
	for i := range configs {
		if err := configs[i].Validate(); err != nil {
			return nil, err
		}
	}
	if f.plot != "" && len(configs) < 2 {
		return nil, errors.New("--plot needs --sweep-conns or --sweep-rate with two values or more")
	}
	return configs, nil
}

func sweep[T any](base load.Config, values []T, set func(*load.Config, T)) []load.Config {
	configs := make([]load.Config, len(values))
	for i, value := range values {
		configs[i] = base
		set(&configs[i], value)
	}
	return configs
}

// target finds the server: flags, then environment, then the default sockets.
func (f *flags) target() (client.Target, error) {
	target := client.Target{
		Unix: f.uds, TCP: f.tcp, APIKey: cmp.Or(f.apiKey, os.Getenv("INFERD_API_KEY")),
	}
	if target.Unix == "" && target.TCP == "" {
		target.Unix, target.TCP = os.Getenv("INFERD_UDS"), os.Getenv("INFERD_TCP")
		if target.Unix != "" {
			target.TCP = ""
		}
	}
	if target.Unix != "" || target.TCP != "" {
		return target, nil
	}
	paths := client.DefaultSocketPaths()
	for _, path := range paths {
		if _, err := os.Lstat(path); err == nil {
			target.Unix = path
			return target, nil
		}
	}
	if f.wait > 0 && len(paths) > 0 {
		target.Unix = paths[0] // it may come yet
		return target, nil
	}
	return target, fmt.Errorf("no inferd found at %s: name its socket with --uds or --tcp",
		strings.Join(paths, " or "))
}

// run makes the runs and writes the report.
func (f *flags) run(cmd *cobra.Command) error {
	configs, err := f.configure()
	if err != nil {
		return err
	}
	if err := f.awaitServer(cmd); err != nil {
		return err
	}
	var results []*load.Result
	for _, config := range configs {
		result, err := f.runOne(cmd, config)
		if err != nil {
			return err
		}
		results = append(results, result)
	}
	if err := f.write(cmd, results); err != nil {
		return err
	}
	if f.plot == "" {
		return nil
	}
	title := cmp.Or(f.config.Label, f.config.Target.String())
	if len(f.sweepConns) > 0 {
		return report.ConnsChart(title, results).Save(f.plot)
	}
	return report.LatencyChart(title, results).Save(f.plot)
}

func (f *flags) awaitServer(cmd *cobra.Command) error {
	if f.wait <= 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), f.wait)
	defer cancel()
	c, err := client.DialWait(ctx, f.config.Target)
	if err != nil {
		return err
	}
	return c.Close()
}

func (f *flags) runOne(cmd *cobra.Command, config load.Config) (*load.Result, error) {
	line := newProgress(cmd.ErrOrStderr(), f.quiet)
	defer line.clear()
	config.Progress = line.show
	if f.repeatUntilStable <= 0 {
		return load.Run(cmd.Context(), config)
	}
	result, spread, err := load.RepeatUntilStable(cmd.Context(), config, load.Stability{
		Spread: f.repeatUntilStable / 100, Max: f.maxRepeats, Observe: line.repeated,
	})
	if err == nil && spread > f.repeatUntilStable/100 {
		line.clear()
		cmd.PrintErrf("warning: not stable after %d runs: the last three differ by %.1f%%\n",
			f.maxRepeats, 100*spread)
	}
	return result, err
}
