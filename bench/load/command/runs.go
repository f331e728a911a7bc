package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/spf13/cobra"

	"inferd/bench/load"
	"inferd/bench/load/report"
)

// run makes the runs and writes the report, also of the runs before one that
// failed.
func (f *flags) run(cmd *cobra.Command) error {
	configs, err := f.configure(cmd)
	if err != nil {
		return err
	}
	if f.plot != "" && len(f.sweepConns) > 0 && f.config.ServerPID == 0 {
		cmd.PrintErrln("note: without --server-pid the plot shows answers/s, not the " +
			"server's processor time per request")
	}
	if err := f.awaitServer(cmd); err != nil {
		return cmp.Or(interrupted(cmd), err)
	}
	results, failure := f.runAll(cmd, configs)
	if len(results) == 0 {
		return failure
	}
	if err := f.write(cmd, results); err != nil {
		return errors.Join(failure, err)
	}
	if failure == nil {
		failure = problemOf(results)
	}
	return errors.Join(failure, f.draw(results, failure))
}

// runAll makes one run after the other until one fails; the results are those
// until then.
func (f *flags) runAll(cmd *cobra.Command, configs []load.Config) ([]*load.Result, error) {
	var results []*load.Result
	for i, config := range configs {
		step := ""
		if len(configs) > 1 {
			step = fmt.Sprintf("[%d/%d] ", i+1, len(configs))
		}
		result, err := f.runOne(cmd, config, step)
		if result != nil {
			results = append(results, result)
		}
		if err != nil && len(configs) > 1 {
			err = fmt.Errorf("%s: %w", report.StepName(config.Conns, config.Rate), err)
		}
		if err != nil {
			return results, cmp.Or(interrupted(cmd), err)
		}
	}
	return results, nil
}

// interrupted is the signal that ended the command; nil if none did.
func interrupted(cmd *cobra.Command) error {
	var ended *interruption
	if errors.As(context.Cause(cmd.Context()), &ended) {
		return ended
	}
	return nil
}

// runOne makes one run, or several of which it returns one.
func (f *flags) runOne(
	cmd *cobra.Command, config load.Config, step string,
) (*load.Result, error) {
	line := newProgress(cmd.ErrOrStderr(), f.quiet, step)
	defer line.clear()
	config.Progress = line.show
	if f.repeatUntilStable <= 0 && f.repeat <= 1 {
		result, err := load.Run(cmd.Context(), config)
		if result != nil {
			f.every = append(f.every, result)
		}
		return result, err
	}
	made := 0
	result, spread, err := load.RepeatUntilStable(cmd.Context(), config,
		f.stability(func(results []*load.Result, spread float64) {
			made = len(results)
			f.every = append(f.every, results[made-1])
			line.repeated(made, spread)
		}))
	switch {
	case err != nil && made == 0 && result != nil:
		f.every = append(f.every, result)
	case err == nil && f.repeatUntilStable > 0 && spread > f.repeatUntilStable/100 &&
		made >= f.maxRepeats:
		result.Warnings = append(result.Warnings, notStable(made, spread))
	}
	return result, err
}

// notStable is the warning that the runs made do not agree.
func notStable(made int, spread float64) string {
	if math.IsInf(spread, 1) {
		return fmt.Sprintf("not stable after %d runs: nothing to compare them by", made)
	}
	return fmt.Sprintf("not stable after %d runs: the last %d differ by %.1f%%",
		made, stableRuns, 100*spread)
}

// stability is what --repeat-until-stable asks for, or --repeat, whose runs all
// count however far apart they are.
func (f *flags) stability(observe func([]*load.Result, float64)) load.Stability {
	if f.repeatUntilStable > 0 {
		return load.Stability{
			Spread: f.repeatUntilStable / 100, Window: stableRuns, Max: f.maxRepeats, Observe: observe,
		}
	}
	return load.Stability{Spread: -1, Window: f.repeat, Max: f.repeat, Observe: observe}
}

// problemOf tells of the first result with a problem.
func problemOf(results []*load.Result) error {
	for _, r := range results {
		switch {
		case r.Problem == "":
		case len(results) == 1:
			return problemError(r.Problem)
		default:
			return problemError(report.StepName(r.Conns, r.Offered) + ": " + r.Problem)
		}
	}
	return nil
}

// draw makes the plot, if one was asked for. After a failure, or a run that is worth
// nothing, there may be too little to draw, which is no further failure.
func (f *flags) draw(results []*load.Result, failure error) error {
	if f.plot == "" || failure != nil && len(results) < 2 {
		return nil
	}
	chart := report.LatencyChart
	if len(f.sweepConns) > 0 {
		chart = report.ConnsChart
	}
	title := cmp.Or(f.config.Label, f.config.Target.String())
	err := chart(title, results).Save(f.plot)
	if failure != nil && errors.Is(err, report.ErrNothingToPlot) {
		return nil
	}
	return err
}
