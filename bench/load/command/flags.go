package command

import (
	"time"

	"github.com/spf13/cobra"

	"inferd/bench/load"
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
	repeat              int
	json, csv, benchfmt bool
	out, plot           string
	quiet               bool

	every []*load.Result // each run made, also those that no report shows but benchstat's
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
	set.DurationVar(&f.config.Drain, "drain", 5*time.Second,
		"longest wait for the last answers; 0 is none")
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
		"process whose processor time and memory to read, with its children's (Linux)")
	set.Uint64Var(&f.config.Seed, "seed", 1, "of the random choices, for repeatable runs")
	set.BoolVar(&f.config.Portable, "portable", false, "use the net package instead of epoll")

	set.IntSliceVar(&f.sweepConns, "sweep-conns", nil,
		"one run for each of these `numbers` of connections")
	set.Float64SliceVar(&f.sweepRate, "sweep-rate", nil, "one run for each of these `rates`")
	set.Lookup("sweep-rate").DefValue = "" // "[]" would be shown as a default
	set.Float64Var(&f.repeatUntilStable, "repeat-until-stable", 0,
		"repeat until three runs in a row are within this `percentage`, 3 unless given "+
			"(with an equals sign: --repeat-until-stable=5); report the middle one")
	set.Lookup("repeat-until-stable").NoOptDefVal = "3"
	set.IntVar(&f.repeat, "repeat", 1,
		"make each run this often and report the middle one; --benchstat reports them all")
	set.IntVar(&f.maxRepeats, "max-repeats", 10, "give up on that after as many runs")

	set.StringVar(&f.config.Label, "label", "", "name of the run in reports")
	set.BoolVar(&f.json, "json", false, "print JSON, one object a run")
	set.BoolVar(&f.csv, "csv", false, "print CSV")
	set.BoolVar(&f.benchfmt, "benchstat", false, "print lines for benchstat, one for each run made")
	set.StringVarP(&f.out, "out", "o", "", "write the report to a `file`")
	set.StringVar(&f.plot, "plot", "", "draw the sweep into a `file` (.png, .svg, .pdf)")
	set.BoolVarP(&f.quiet, "quiet", "q", false, "no progress line")
	cmd.MarkFlagsMutuallyExclusive("json", "csv", "benchstat")
	cmd.MarkFlagsMutuallyExclusive("sweep-conns", "sweep-rate")
	cmd.MarkFlagsMutuallyExclusive("sweep-conns", "conns")
	cmd.MarkFlagsMutuallyExclusive("sweep-rate", "rate")
	cmd.MarkFlagsMutuallyExclusive("repeat", "repeat-until-stable")
	cmd.MarkFlagsMutuallyExclusive("uds", "tcp")
}
