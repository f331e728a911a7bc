package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"syscall"
	"time"

	"github.com/spf13/pflag"

	"inferd/client"
)

// targetFlags say which inference socket to use.
type targetFlags struct {
	uds, tcp, apiKey string
	wait             time.Duration
}

func (t *targetFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&t.uds, "uds", "", "`path` of the inference socket, "+
		"'none' for TCP only (env INFERD_UDS; default: the config file's, else in the run directory)")
	flags.StringVar(&t.tcp, "tcp", "", "TCP `address` of the daemon (env INFERD_TCP)")
	flags.StringVar(&t.apiKey, "api-key", "", "API `key` for TCP (better: env INFERD_API_KEY)")
	flags.DurationVar(&t.wait, "wait", 0, "keep trying this long for the daemon to come up")
}

// target is what the flags and the environment name, else what the config file does.
func (t *targetFlags) target(a *app) (client.Target, error) {
	target, err := client.TargetFromFlags(t.uds, t.tcp, t.apiKey)
	if target.Unix == "" && target.TCP == "" && err == nil {
		key := target.APIKey
		target = a.configured
		target.APIKey = cmp.Or(key, target.APIKey)
	}
	return target, err
}

// dial connects to the target.
func (t *targetFlags) dial(ctx context.Context, target client.Target) (*client.Client, error) {
	slog.Debug("connect", "target", target)
	if t.wait <= 0 {
		c, err := client.Dial(ctx, target)
		return c, hint(err, "name its socket with --uds or --tcp, or --wait for it")
	}
	ctx, cancel := context.WithTimeout(ctx, t.wait)
	defer cancel()
	c, err := client.DialWait(ctx, target)
	return c, hint(err, "name its socket with --uds or --tcp")
}

// hint adds what to do when no daemon is there.
func hint(err error, advice string) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("%w (is inferd running? start it with `inferd`, or %s)", err, advice)
	}
	return err
}
