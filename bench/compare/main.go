package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// options are the flags.
type options struct {
	binaries string // directory; empty: they are built
	out      string
	rounds   int
	duration time.Duration
	warmup   time.Duration
	short    bool
	strict   bool
	only     []string
	pgo      string // file for a profile for the compiler; empty: compare
	// loopsAnyway runs the group loops where it shows nothing, to see it work.
	loopsAnyway bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := newCommand().ExecuteContext(ctx)
	stop()
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func newCommand() *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:           "compare",
		Short:         "Measure inferd against raw gnet and net servers and write docs/benchmarks",
		Args:          cobra.NoArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.short {
				o.shorten(cmd)
			}
			if err := o.settle(cmd.Flags().Changed("out")); err != nil {
				return err
			}
			if o.pgo != "" {
				return profileForCompiler(cmd.Context(), o)
			}
			return compare(cmd.Context(), o)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.binaries, "binaries", "",
		"`directory` that holds inferd, inferd-bench and baseline, for a machine that\n"+
			"cannot build them (default: they are built)")
	flags.StringVar(&o.out, "out", "docs/benchmarks",
		"`directory` for the table, the data and the plots; with --short or --only the\n"+
			"table is only printed unless a directory is named")
	flags.IntVar(&o.rounds, "rounds", 3, "rounds; the middle ratio counts")
	flags.DurationVar(&o.duration, "duration", time.Second, "measured time of each run")
	flags.DurationVar(&o.warmup, "warmup", 400*time.Millisecond, "time before that is not counted")
	flags.BoolVar(&o.short, "short", false,
		"one quick round with few connections, to see that it works")
	flags.BoolVar(&o.strict, "strict", false, "fail if a target is missed")
	flags.StringSliceVar(&o.only, "only", nil,
		"run only these `groups`: "+strings.Join(groups, ", "))
	flags.StringVar(&o.pgo, "pgo", "",
		"compare nothing: run the daemon under the targets' loads and write a processor\n"+
			"profile of it for the compiler into a `file`")
	flags.BoolVar(&o.loopsAnyway, "loops-anyway", false,
		"run 1 and 2 loops although there are too few cores")
	_ = flags.MarkHidden("loops-anyway")
	return cmd
}

// shorten makes what was not set explicitly small.
func (o *options) shorten(cmd *cobra.Command) {
	if !cmd.Flags().Changed("rounds") {
		o.rounds = 1
	}
	if !cmd.Flags().Changed("duration") {
		o.duration = 300 * time.Millisecond
	}
	if !cmd.Flags().Changed("warmup") {
		o.warmup = 100 * time.Millisecond
	}
}
