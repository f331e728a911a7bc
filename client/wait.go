package client

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
	"time"
)

// transientTexts are pieces of messages that mean "not yet", for errors that
// lost their type on the way here.
var transientTexts = []string{
	"connection refused",
	"no such file",
	"cannot find the file",
	"the system cannot find",
	"all pipe instances are busy",
	"operation timed out",
	"target machine actively refused",
}

// IsTransient reports whether a failed dial may succeed later: the socket is
// not there yet, nobody listens on it, the dial timed out, or the address is
// not available. Anything else, such as a refused permission or a malformed
// address, stays as it is.
func IsTransient(err error) bool {
	if err == nil {
		return false
	}
	for _, target := range []error{
		fs.ErrNotExist, syscall.ECONNREFUSED, syscall.ETIMEDOUT, syscall.EADDRNOTAVAIL,
		syscall.EAGAIN, // a Unix socket's backlog is full
		os.ErrDeadlineExceeded,
	} {
		if errors.Is(err, target) {
			return true
		}
	}
	var netErr net.Error
	if errors.As(err, &netErr) && netErr.Timeout() {
		return true
	}
	text := strings.ToLower(err.Error())
	for _, piece := range transientTexts {
		if strings.Contains(text, piece) {
			return true
		}
	}
	return false
}

// retry calls dial until it succeeds, fails for good or ctx ends.
func retry[T any](ctx context.Context, dial func(context.Context) (T, error)) (T, error) {
	var zero T
	for delay := firstRetryDelay; ; delay = min(2*delay, maxRetryDelay) {
		value, err := dial(ctx)
		switch {
		case err == nil:
			return value, nil
		case ctx.Err() != nil:
			return zero, fmt.Errorf("%w; last attempt: %w", context.Cause(ctx), err)
		case !IsTransient(err):
			return zero, err
		}
		timer := time.NewTimer(delay)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return zero, fmt.Errorf("%w; last attempt: %w", context.Cause(ctx), err)
		}
	}
}
