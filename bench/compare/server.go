package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"inferd/client"
)

// serverKind names one of the servers that are compared.
type serverKind struct {
	Name string
	// baseline is the kind of baseline server; empty means inferd with args.
	baseline string
	args     func(conns int) []string
	env      []string // besides what all get
	// loops and delay are a baseline's; 0 leaves the flag out.
	loops int
	delay time.Duration
	// metrics asks for the daemon's metrics, on a free port.
	metrics bool
	// occupied asks for a request that holds the daemon's only place.
	occupied bool
}

// server is one running server process.
type server struct {
	cmd     *exec.Cmd
	dir     string // holds its sockets, lock and logs; removed with it
	target  client.Target
	metrics string // address, of a daemon that was asked for them
	stopped chan error
	plain   bool          // a baseline: has nothing to finish or to leave behind
	holder  net.Conn      // of an occupied daemon: the connection that holds its place
	upAfter time.Duration // from exec to the first accepted connection
}

// startServer runs kind on a Unix socket or a TCP port and waits for it to
// accept.
func (e *environment) startServer(
	ctx context.Context, kind serverKind, tcp bool, conns int, cores string,
) (*server, error) {
	dir, err := os.MkdirTemp("", "ic") // short enough for a socket path
	if err != nil {
		return nil, err
	}
	s := &server{
		dir: dir, target: client.Target{Unix: filepath.Join(dir, "s")},
		stopped: make(chan error, 1),
	}
	args := []string{"--uds", s.target.Unix}
	if tcp {
		address, err := freeAddress()
		if err != nil {
			return nil, errors.Join(err, os.RemoveAll(dir))
		}
		s.target = client.Target{TCP: address}
		args = []string{"--tcp", address}
	}
	binary := e.baseline
	s.plain = kind.baseline != ""
	if s.plain {
		args = append(args, kind.baselineArgs()...)
	} else {
		binary = e.inferd
		if tcp {
			args = append([]string{"--uds", "none"}, args...)
		}
		args = append(args, "--lock", filepath.Join(dir, "lock"),
			"--admin-addr", filepath.Join(dir, "admin"))
		args = append(args, kind.args(conns)...)
		if kind.metrics {
			if s.metrics, err = freeAddress(); err != nil {
				return nil, errors.Join(err, os.RemoveAll(dir))
			}
			args = append(args, "--metrics-addr", s.metrics)
		}
	}
	s.cmd = pinned(cores, binary, args...)
	s.cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_RUNTIME_DIR="+dir,
		"INFERD_LOG_DIR="+filepath.Join(dir, "log"))
	s.cmd.Env = append(s.cmd.Env, kind.env...)
	if err := s.start(ctx); err != nil {
		s.stop()
		return nil, fmt.Errorf("start %s: %w", kind.Name, err)
	}
	if kind.occupied {
		if err := s.occupy(); err != nil {
			s.stop()
			return nil, fmt.Errorf("occupy %s: %w", kind.Name, err)
		}
	}
	return s, nil
}

// baselineArgs are the flags of a baseline besides its endpoint.
func (k *serverKind) baselineArgs() []string {
	args := []string{"--kind", k.baseline}
	if k.loops > 0 {
		args = append(args, "--loops", strconv.Itoa(k.loops))
	}
	if k.delay > 0 {
		args = append(args, "--delay", k.delay.String())
	}
	return args
}

func (s *server) start(ctx context.Context) error {
	logFile, err := os.Create(filepath.Join(s.dir, "stderr"))
	if err != nil {
		return err
	}
	defer func() { _ = logFile.Close() }()
	s.cmd.Stderr = logFile
	begun := time.Now()
	if err := s.cmd.Start(); err != nil {
		s.cmd.Process = nil
		return err
	}
	go func() { s.stopped <- s.cmd.Wait() }()
	for time.Since(begun) < startTimeout {
		conn, err := s.dial()
		if err == nil {
			s.upAfter = time.Since(begun)
			return conn.Close()
		}
		select {
		case err := <-s.stopped:
			s.stopped <- err
			return fmt.Errorf("ended early: %w\n%s", err, s.stderr())
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(startPoll):
		}
	}
	return fmt.Errorf("not listening after %v\n%s", startTimeout, s.stderr())
}

func (s *server) dial() (net.Conn, error) {
	if s.target.TCP != "" {
		return net.Dial("tcp", s.target.TCP)
	}
	return net.Dial("unix", s.target.Unix)
}

func (s *server) stderr() string {
	text, err := os.ReadFile(filepath.Join(s.dir, "stderr"))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// occupy sends a request that never ends and waits until a second is refused. If
// the second was the first to be let in, the two take turns once more.
func (s *server) occupy() error {
	deadline := time.Now().Add(startTimeout)
	for time.Now().Before(deadline) {
		conn, err := s.dial()
		if err != nil {
			return err
		}
		if _, err := conn.Write([]byte(requestLine)); err != nil {
			return errors.Join(err, conn.Close())
		}
		refused, err := s.isRefused()
		if err == nil && refused {
			s.holder = conn
			return nil
		}
		if err := errors.Join(err, conn.Close()); err != nil {
			return err
		}
	}
	return errors.New("a second request is still not refused")
}

// isRefused sends one request and reports whether it was refused at once.
func (s *server) isRefused() (bool, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	c, err := client.Dial(ctx, s.target)
	if err != nil {
		return false, err
	}
	defer func() { _ = c.Close() }()
	_, err = c.Text(ctx, client.Request{Messages: []client.Message{{Role: "user", Content: "hi"}}})
	var refused *client.ServerError
	switch {
	case errors.As(err, &refused):
		return refused.Code == "queue_full", nil
	case errors.Is(err, context.DeadlineExceeded):
		return false, nil
	}
	return false, err
}

// stop ends the process and removes what it left.
func (s *server) stop() {
	if s.holder != nil {
		_ = s.holder.Close()
	}
	if s.cmd.Process != nil {
		signal := syscall.SIGTERM
		if s.plain {
			signal = syscall.SIGKILL // gnet takes half a second to stop
		}
		_ = s.cmd.Process.Signal(signal)
		select {
		case <-s.stopped:
		case <-time.After(stopTimeout):
			_ = s.cmd.Process.Kill()
			<-s.stopped
		}
	}
	_ = os.RemoveAll(s.dir)
}

const requestLine = `{"id":"bench","messages":[{"role":"user","content":"hi"}]}` + "\n"

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String(), nil
}

// pinned is a command bound to cores, if there are any to bind it to.
func pinned(cores, binary string, args ...string) *exec.Cmd {
	if cores == "" {
		return exec.Command(binary, args...)
	}
	return exec.Command("taskset", append([]string{"-c", cores, binary}, args...)...)
}
