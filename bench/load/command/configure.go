package command

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"inferd/bench/load"
	"inferd/bench/load/report"
	"inferd/client"
)

// noArguments refuses arguments, and tells whoever meant one as a flag's value.
func noArguments(cmd *cobra.Command, args []string) error {
	const flag = "repeat-until-stable"
	if len(args) > 0 && cmd.Flags().Changed(flag) {
		if _, err := strconv.ParseFloat(args[0], 64); err == nil {
			return fmt.Errorf("--%s takes its value with an equals sign: --%s=%s", flag, flag, args[0])
		}
	}
	return cobra.NoArgs(cmd, args)
}

// checkUse refuses flags that would do nothing, and zeros that would be taken
// for the default.
func (f *flags) checkUse(cmd *cobra.Command) error {
	given := cmd.Flags().Changed
	for _, rule := range []struct {
		flag   string
		useful bool
		needs  string
	}{
		{"arrivals", f.config.Rate > 0 || len(f.sweepRate) > 0, "--rate or --sweep-rate"},
		{"slow-rate", f.config.SlowShare > 0, "--slow-readers"},
		{"max-repeats", given("repeat-until-stable"), "--repeat-until-stable"},
		{"api-key", f.config.Target.TCP != "", "--tcp: a Unix socket asks for no key"},
	} {
		if given(rule.flag) && !rule.useful {
			return fmt.Errorf("--%s does nothing without %s", rule.flag, rule.needs)
		}
	}
	for _, rule := range []struct {
		flag  string
		valid bool
		want  string
	}{
		{"conns", f.config.Conns > 0, "1 or more"},
		{"sweep-conns", len(f.sweepConns) == 0 || slices.Min(f.sweepConns) > 0, "1 or more each"},
		{"sweep-rate", !slices.ContainsFunc(f.sweepRate, notPositive), "more than 0 each"},
		{"duration", f.config.Duration > 0, "more than 0"},
		{"slow-rate", !notPositive(f.config.SlowRate), "more than 0"},
		{"repeat-until-stable", !notPositive(f.repeatUntilStable), "more than 0"},
		{"max-repeats", f.maxRepeats >= stableRuns, fmt.Sprintf("%d or more", stableRuns)},
		{"repeat", f.repeat > 0 && f.repeat <= maxRepeat, fmt.Sprintf("1 to %d", maxRepeat)},
	} {
		if given(rule.flag) && !rule.valid {
			return fmt.Errorf("--%s %s: want %s", rule.flag, cmd.Flag(rule.flag).Value, rule.want)
		}
	}
	return nil
}

func notPositive(v float64) bool { return !(v > 0) } // also of what is no number

// configure turns flags and environment into the configuration of the runs. What
// is wrong with them shows here, before any run.
func (f *flags) configure(cmd *cobra.Command) ([]load.Config, error) {
	var err error
	if f.config.Target, err = f.target(); err != nil {
		return nil, err
	}
	if err := f.checkUse(cmd); err != nil {
		return nil, err
	}
	if f.config.Drain == 0 {
		f.config.Drain = 1 // 0 would be the default
	}
	if f.config.Arrivals, err = load.ParseArrivals(f.arrivals); err != nil {
		return nil, fmt.Errorf("--arrivals: %w", err)
	}
	const tokenLimit = 1<<31 - 1
	if f.config.Prompt, err = load.ParseDist(f.prompt, load.MaxPromptBytes); err != nil {
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
	return configs, f.checkFiles()
}

// checkFiles finds out whether the reports can be written.
func (f *flags) checkFiles() error {
	if f.plot != "" {
		if err := report.CheckFormat(f.plot); err != nil {
			return fmt.Errorf("--plot: %w", err)
		}
	}
	for _, file := range []struct{ flag, path string }{{"out", f.out}, {"plot", f.plot}} {
		if file.path == "" {
			continue
		}
		if err := checkWritable(file.path); err != nil {
			return fmt.Errorf("--%s: %w", file.flag, err)
		}
	}
	return nil
}

// checkWritable leaves a file as it is, and none where there was none. Pipes and
// devices are not tried: somebody may be listening.
func checkWritable(path string) error {
	info, err := os.Stat(path)
	switch {
	case err == nil && info.Mode()&os.ModeType != 0 && !info.IsDir():
		return nil
	case err == nil:
		file, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		return file.Close()
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	return cmp.Or(file.Close(), os.Remove(path))
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
	target, err := client.TargetFromFlags(f.uds, f.tcp, f.apiKey)
	if err != nil || target.Unix != "" || target.TCP != "" {
		return target, err
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
