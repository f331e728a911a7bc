package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"inferd/client"
	"inferd/engine"
	"inferd/engine/openaicompat"
)

const (
	startTimeout = 2 * time.Minute        // loading a model
	stopTimeout  = 10 * time.Second       // from SIGTERM to SIGKILL
	pollInterval = 100 * time.Millisecond // between looks whether a server is up
)

// server is one server under test.
type server struct {
	name string
	pid  int
	// dial makes one client, which asks one prompt after the other.
	dial func(ctx context.Context) (asker, error)
	stop func()
}

// asker asks a prompt and calls onToken as each piece of the answer arrives. It
// reports how many tokens the server counted.
type asker interface {
	ask(ctx context.Context, prompt string, maxTokens int, onToken func()) (tokens int, err error)
	close()
}

// launch starts a command; its stop ends it and waits for it.
func (s *settings) launch(
	dir, name string, env []string, command ...string,
) (pid int, died <-chan struct{}, stop func(), err error) {
	var output io.WriteCloser = discard{}
	if s.logs != "" {
		if output, err = os.Create(filepath.Join(s.logs, name+".log")); err != nil {
			return 0, nil, nil, err
		}
	}
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Dir = dir
	cmd.Stdout, cmd.Stderr = output, output
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		output.Close()
		return 0, nil, nil, err
	}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		defer output.Close()
		_ = cmd.Wait() // how it ended is of no interest: that it ended is
	}()
	stop = func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-gone:
		case <-time.After(stopTimeout):
			_ = cmd.Process.Kill()
			<-gone
		}
	}
	return cmd.Process.Pid, gone, stop, nil
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) Close() error                { return nil }

// await asks up until it says yes, the server dies or startTimeout is over.
func await(ctx context.Context, died <-chan struct{}, up func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for !up() {
		select {
		case <-died:
			return errors.New("ended while starting: see its output with -logs")
		case <-ctx.Done():
			return fmt.Errorf("not up in time: %w", ctx.Err())
		case <-tick.C:
		}
	}
	return nil
}

func (s *settings) startInferd(ctx context.Context, dir string) (*server, error) {
	binary, err := exec.LookPath(s.inferd)
	if err != nil {
		return nil, err
	}
	if binary, err = filepath.Abs(binary); err != nil {
		return nil, err
	}
	socket := filepath.Join(dir, "infer.sock")
	// A config file of somebody's own must not change the comparison.
	config := filepath.Join(dir, "config.json")
	if err := os.WriteFile(config, []byte("{}"), 0o600); err != nil {
		return nil, err
	}
	pid, died, stop, err := s.launch(dir, "inferd", []string{"HOME=" + dir}, binary,
		"--config", config, "--uds", socket, "--admin-addr", filepath.Join(dir, "admin.sock"),
		"--lock", filepath.Join(dir, "lock"), "--log-dir", dir, "--ready-timeout", "2m",
		"--backend", "llamacpp", "--model-path", s.model, "--n-ctx", strconv.Itoa(s.context),
		"--active-permits", strconv.Itoa(s.parallel), "--queue-depth", "4096")
	if err != nil {
		return nil, err
	}
	dial := func(ctx context.Context) (asker, error) {
		c, err := client.Dial(ctx, client.Target{Unix: socket})
		return daemonAsker{c}, err
	}
	err = await(ctx, died, func() bool {
		c, err := client.Dial(ctx, client.Target{Unix: socket})
		return err == nil && c.Close() == nil
	})
	if err != nil {
		stop()
		return nil, err
	}
	return &server{name: "inferd", pid: pid, dial: dial, stop: stop}, nil
}

func (s *settings) startLlamaServer(
	ctx context.Context, dir string, command []string,
) (*server, error) {
	for i, word := range command { // a script's path stays good in another directory
		if path, err := filepath.Abs(word); err == nil {
			if _, err := os.Stat(path); err == nil {
				command[i] = path
			}
		}
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	command = append(command, "--model", s.model, "--host", "127.0.0.1", "--port", port,
		"--threads", strconv.Itoa(s.threads), "--parallel", strconv.Itoa(s.parallel),
		"--ctx-size", strconv.Itoa(s.context*s.parallel))
	pid, died, stop, err := s.launch(dir, "llama-server", nil, command...)
	if err != nil {
		return nil, err
	}
	base := "http://127.0.0.1:" + port
	if err := await(ctx, died, func() bool { return answers(ctx, base+"/health") }); err != nil {
		stop()
		return nil, err
	}
	return httpServer("llama-server", base, "model", pid, stop)
}

func (s *settings) startOllama(
	ctx context.Context, dir string, command []string,
) (*server, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	env := []string{
		"OLLAMA_HOST=127.0.0.1:" + port, "OLLAMA_MODELS=" + filepath.Join(dir, "ollama"),
		"OLLAMA_NUM_PARALLEL=" + strconv.Itoa(s.parallel), "OLLAMA_MAX_QUEUE=4096",
		"OLLAMA_KEEP_ALIVE=-1", "HOME=" + dir,
	}
	pid, died, stop, err := s.launch(dir, "ollama", env, append(command, "serve")...)
	if err != nil {
		return nil, err
	}
	base := "http://127.0.0.1:" + port
	err = await(ctx, died, func() bool { return answers(ctx, base+"/api/version") })
	if err == nil {
		err = s.ollamaModel(ctx, dir, env, command)
	}
	if err != nil {
		stop()
		return nil, err
	}
	return httpServer("ollama", base, "peer", pid, stop)
}

// ollamaModel makes the GGUF file known to ollama under the name "peer".
func (s *settings) ollamaModel(
	ctx context.Context, dir string, env, command []string,
) error {
	file := filepath.Join(dir, "Modelfile")
	text := fmt.Sprintf("FROM %s\nPARAMETER num_ctx %d\nPARAMETER num_thread %d\n",
		s.model, s.context, s.threads)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return err
	}
	create := exec.CommandContext(ctx, command[0], append(command[1:], "create", "peer", "-f", file)...)
	create.Env = append(os.Environ(), env...)
	if output, err := create.CombinedOutput(); err != nil {
		return fmt.Errorf("create: %w: %s", err, output)
	}
	return nil
}

// httpServer is a server with OpenAI's API at base.
func httpServer(name, base, model string, pid int, stop func()) (*server, error) {
	upstream, err := openaicompat.New(
		openaicompat.Options{Name: name, BaseURL: base, Model: model}, engine.Hooks{})
	if err != nil {
		stop()
		return nil, err
	}
	return &server{
		name: name, pid: pid,
		dial: func(context.Context) (asker, error) { return httpAsker{upstream}, nil },
		stop: func() {
			ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
			defer cancel()
			_ = upstream.Stop(ctx)
			stop()
		},
	}, nil
}

func answers(ctx context.Context, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// freePort is a port that was free a moment ago.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, err
}
