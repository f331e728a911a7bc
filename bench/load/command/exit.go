package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// Exit codes, as promised in the command's help.
const (
	exitOK      = 0
	exitProblem = 1
	exitError   = 2
	exitSignal  = 128 // and the signal's number
)

// ErrProblem is in the error of a command whose runs were made and reported, of
// which one is worth nothing.
var ErrProblem = errors.New("nothing was measured")

// problemError says what was wrong with a run.
type problemError string

func (e problemError) Error() string   { return string(e) }
func (problemError) Is(err error) bool { return err == ErrProblem }

// interruption is the signal that ended the runs.
type interruption struct{ signal syscall.Signal }

func (i *interruption) Error() string { return fmt.Sprintf("ended early: %v", i.signal) }

// ExitCode is what a process ends with for an error of the command.
func ExitCode(err error) int {
	var ended *interruption
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &ended):
		return exitSignal + int(ended.signal)
	case errors.Is(err, ErrProblem):
		return exitProblem
	}
	return exitError
}

// untilSignal ends ctx at ctrl-C or SIGTERM with an interruption as the cause;
// a second signal, or one after stop, kills.
func untilSignal(parent context.Context) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		select {
		case s := <-signals:
			number, _ := s.(syscall.Signal)
			cancel(&interruption{number})
		case <-ctx.Done():
		}
		signal.Stop(signals)
	}()
	return ctx, func() { cancel(context.Canceled) }
}
