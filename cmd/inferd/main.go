package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"inferd/engine/llamacpp"
	"inferd/internal/config"
	"inferd/internal/daemon"
	"inferd/internal/sdnotify"
	"inferd/internal/store"
	"inferd/internal/version"
)

// The exit codes.
const (
	exitOK      = 0 // also after a signalled shutdown
	exitFailure = 1
	exitUsage   = 2
)

// engines are the adapters built into this binary.
var engines = []string{config.KindLlamaCpp, config.KindOpenAI, config.KindMock}

func main() {
	llamacpp.MaybeWorker() // does not return in the engine's worker process
	os.Exit(run(os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
}

func run(args []string, env func(string) string, stdout, stderr io.Writer) int {
	cfg, action, err := config.Load(args, env)
	if err == nil && (action == config.ActionRun || action == config.ActionCheckConfig) {
		err = cfg.CheckEndpoints()
	}
	complain := func(err error) {
		priority := ""
		if sdnotify.IsJournal(stderr) {
			priority = sdnotify.ErrorPriority
		}
		lines := strings.ReplaceAll(err.Error(), "\n", "\n"+priority)
		fmt.Fprintf(stderr, "%sinferd: %s\n", priority, lines)
	}
	if err != nil {
		complain(err)
		return exitUsage
	}
	switch action {
	case config.ActionHelp:
		err = config.WriteHelp(stdout)
	case config.ActionVersion:
		_, err = fmt.Fprintf(stdout, "inferd %s (%s, %s) engines: %s\n",
			version.Version, version.Commit(), version.Go(), strings.Join(engines, " "))
	case config.ActionCheckConfig:
		for _, w := range cfg.Warnings() {
			fmt.Fprintf(stderr, "inferd: warning: %s\n", w)
		}
		_, err = fmt.Fprintf(stdout, "configuration ok%s\n", from(cfg))
	case config.ActionPrintConfig:
		err = cfg.Print(stdout)
	default:
		err = serve(cfg, env, stderr)
	}
	if err == nil {
		return exitOK
	}
	complain(err)
	if _, wrong := errors.AsType[*store.MismatchError](err); wrong || errors.Is(err, llamacpp.ErrHash) {
		return exitUsage // a restart would find the same again
	}
	return exitFailure
}

func serve(cfg *config.Config, env func(string) string, stderr io.Writer) error {
	stop, err := profile(env)
	if err != nil {
		return err
	}
	defer stop()
	return daemon.Run(cfg, stderr)
}

func from(cfg *config.Config) string {
	if cfg.File == "" {
		return " (no config file)"
	}
	return ": " + cfg.File
}
