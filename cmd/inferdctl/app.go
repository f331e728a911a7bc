package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"golang.org/x/term"

	"inferd/client"
)

// Exit codes, as promised in the package comment.
const (
	exitOK     = 0
	exitFailed = 1
	exitError  = 2
)

// errFailed makes the command end with exitFailed; what failed has been
// printed already.
var errFailed = errors.New("a check failed")

// app is what every command shares: the streams, how to write on them, and the
// global flags.
type app struct {
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	// writeErr is the first error of Write; run makes it the command's.
	writeErr error

	// global flags
	configPath string
	adminAddr  string

	configured client.Target // where the config file says that the daemon serves
}

func newApp(stdin io.Reader, stdout, stderr io.Writer) *app {
	return &app{stdin: stdin, stdout: stdout, stderr: stderr}
}

// run executes one command line and returns the exit code.
func run(ctx context.Context, a *app, args []string) int {
	a.setUpLog()
	root := newRoot(a)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		err = a.writeErr
	}
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errFailed):
		return exitFailed
	default:
		_, _ = fmt.Fprintf(a.stderr, "error: %v\n", err)
		return exitError
	}
}

// setUpLog sends diagnostics to stderr from the level INFERD_CLI_LOG on.
func (a *app) setUpLog() {
	level := slog.LevelWarn
	if text := os.Getenv("INFERD_CLI_LOG"); text != "" && level.UnmarshalText([]byte(text)) != nil {
		level = slog.LevelWarn
	}
	slog.SetDefault(slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: level})))
}

// interruptible ends ctx at ctrl-C or SIGTERM, until stop is called; outside of
// it the signals kill.
func interruptible(ctx context.Context) (_ context.Context, stop context.CancelFunc) {
	return signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
}

// isTerminal reports whether a stream is a person's terminal.
func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// style wraps text in an ANSI attribute if stdout is a terminal that wants
// colour (https://no-color.org).
func (a *app) style(attribute, text string) string {
	if text == "" || !isTerminal(a.stdout) || os.Getenv("NO_COLOR") != "" ||
		os.Getenv("TERM") == "dumb" {
		return text
	}
	return "\x1b[" + attribute + "m" + text + "\x1b[0m"
}

// The attributes in use.
const (
	bold  = "1"
	faint = "2"
	red   = "31"
	green = "32"
	amber = "33"
)

// Write puts on stdout what nobody looks for the error of: cobra's pages, and
// text in the middle of a command.
func (a *app) Write(text []byte) (int, error) {
	n, err := a.stdout.Write(text)
	if a.writeErr == nil {
		a.writeErr = err
	}
	return n, err
}

func (a *app) printf(format string, args ...any) {
	_, _ = fmt.Fprintf(a, format, args...)
}

func (a *app) notef(format string, args ...any) {
	_, _ = fmt.Fprintf(a.stderr, format, args...)
}

// printable replaces control characters: what a daemon or a file says must not
// drive the terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' && r != '\n' || r >= 0x7f && r < 0xa0 {
			return '�'
		}
		return r
	}, text)
}
