package client

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestIsTransient(t *testing.T) {
	f := func(err error, want bool) {
		t.Helper()
		if got := IsTransient(err); got != want {
			t.Errorf("IsTransient(%v) = %v, want %v", err, got, want)
		}
	}
	f(nil, false)
	f(&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}, true)
	f(&fs.PathError{Op: "dial", Path: "/x", Err: syscall.ENOENT}, true)
	f(fmt.Errorf("dial: %w", syscall.ETIMEDOUT), true)
	f(syscall.EADDRNOTAVAIL, true)
	f(syscall.EAGAIN, true)
	f(os.ErrDeadlineExceeded, true)
	f(errors.New("All pipe instances are busy."), true)
	f(errors.New("Connection Refused"), true)
	f(errors.New("The system cannot find the file specified."), true)
	f(errors.New("No connection could be made: target machine actively refused it"), true)
	f(syscall.EACCES, false)
	f(fs.ErrPermission, false)
	f(errors.New("missing port in address"), false)
	f(errors.New("read frame: bad line"), false)
}

// TestRetryDelays: 100 ms after the first failure, doubled up to 5 s.
func TestRetryDelays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var at []time.Duration
		_, err := retry(t.Context(), func(context.Context) (int, error) {
			at = append(at, time.Since(start))
			if len(at) == 9 {
				return 1, nil
			}
			return 0, syscall.ECONNREFUSED
		})
		if err != nil {
			t.Fatal(err)
		}
		want := []int{0, 100, 200, 400, 800, 1600, 3200, 5000, 5000}
		var elapsed time.Duration
		for i, ms := range want {
			elapsed += time.Duration(ms) * time.Millisecond
			if at[i] != elapsed {
				t.Errorf("attempt %d at %v, want %v", i+1, at[i], elapsed)
			}
		}
	})
}

func TestRetryStopsAtPermanent(t *testing.T) {
	calls := 0
	_, err := retry(t.Context(), func(context.Context) (int, error) {
		calls++
		return 0, syscall.EACCES
	})
	if calls != 1 || !errors.Is(err, syscall.EACCES) {
		t.Errorf("%d calls, error %v; want one and EACCES", calls, err)
	}
}

// TestRetryHonoursTheContext: the wait ends with the context, not after it.
func TestRetryHonoursTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		calls := 0
		_, err := retry(ctx, func(context.Context) (int, error) {
			calls++
			return 0, syscall.ECONNREFUSED
		})
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("error %v, want the deadline and the last failure", err)
		}
		if took := time.Since(start); took != 200*time.Millisecond || calls != 2 {
			t.Errorf("%d calls in %v, want 2 in 200ms", calls, took)
		}
	})
}

func TestDialWaitOutlastsTheStart(t *testing.T) {
	path := shortDir(t) + "/s"
	ctx := testContext(t)
	result := make(chan error, 1)
	go func() {
		c, err := DialWait(ctx, Target{Unix: path})
		if err == nil {
			err = c.Close()
		}
		result <- err
	}()
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	conn, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	if err := <-result; err != nil {
		t.Error(err)
	}
}
