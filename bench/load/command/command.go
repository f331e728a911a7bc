package command

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"inferd/client"
)

// New makes the command under the given name.
func New(use string) *cobra.Command {
	var f flags
	cmd := &cobra.Command{
		Use:   use,
		Short: "Put load on an inference socket and measure the answers",
		Long: `Put load on any server that speaks inferd's v1 wire and report time to first
token, time between tokens, whole-answer latency, throughput, goodput under a
latency objective, refusals and errors; with --server-pid also the processor
time per request and per frame and the memory of the server and its child
processes, among them the worker that runs llama.cpp.

Without --rate the loop is closed: every connection sends its next request when
the last one is answered. With --rate it is open: requests arrive by a schedule
that does not wait for answers, and latency counts from when a request was due,
so that a stalling server cannot hide it.

Rates count what was answered within the measured time, but goodput the good
answers to all that was sent in it, whenever they came. What was sent by then
and answered in the drain has its latency counted, and is reported as answered
after the measured time; what was on its way and never answered is unfinished.
Requests abandoned with --hang-ups count neither for nor against goodput.

The generator is one thread on epoll (elsewhere on the net package). It prints
its own use of the processor, how long it had to wait for one, and how late it
sent what was scheduled, and warns where it may be the bottleneck itself.

Ctrl-C ends a run early; what was measured by then is reported.

Exit codes: 0 the server answered in every run; 1 a run got no answer or refusal
at all, or the server was gone at its end (the report is written all the same);
2 any error (finished runs are reported); 130 ended by ctrl-C, 143 by SIGTERM.`,
		Example: examples(use),
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := untilSignal(cmd.Context())
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
	return strings.ReplaceAll(`  NAME --conns 64 --duration 10s --server-pid $(pgrep -xo inferd)
  NAME --rate 2000 --conns 500 --slo-ttft 50ms --slo-e2e 1s
  NAME --repeat 10 --benchstat --label before > before.txt
  NAME --rate 500 --arrivals burst:50 --prompt-bytes lognormal:400,1 --max-tokens uniform:16-256
  NAME --sweep-rate 500,1000,2000,4000 --conns 1000 --plot latency.png
  NAME --sweep-conns 1,16,64,1024 --server-pid 4711 --csv --out runs.csv --plot cpu.png`,
		"NAME", name)
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
