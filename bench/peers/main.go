package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// settings are the command line; the part about load is the same for everyone.
type settings struct {
	inferd, llamaServer, ollama string
	model                       string
	threads, parallel, context  int
	clients                     []int
	tokens, rounds              int
	window                      time.Duration
	logs                        string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	s, err := parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil {
		err = s.run(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

func parse(args []string) (settings, error) {
	var s settings
	f := flag.NewFlagSet("peers", flag.ContinueOnError)
	f.StringVar(&s.inferd, "inferd", "bin/inferd", "inferd binary")
	f.StringVar(&s.llamaServer, "llama-server", "llama-server",
		"command that takes llama-server's flags; looked up in PATH")
	f.StringVar(&s.ollama, "ollama", "ollama", "ollama binary; looked up in PATH")
	f.StringVar(&s.model, "model", "", "GGUF file that all serve (required)")
	f.IntVar(&s.threads, "threads", max(runtime.NumCPU()-1, 1),
		"inference threads of the peers; inferd takes all cores but one")
	f.IntVar(&s.parallel, "parallel", 64, "sequences at once")
	f.IntVar(&s.context, "context", 512, "tokens of context for each sequence")
	clients := f.String("clients", "1,8,64", "clients at once, each a column of its own")
	f.IntVar(&s.tokens, "tokens", 16, "tokens an answer has at most")
	f.IntVar(&s.rounds, "rounds", 5, "how often each server is measured")
	f.DurationVar(&s.window, "window", 3*time.Second, "length of one measurement")
	f.StringVar(&s.logs, "logs", "", "directory for the servers' output (default: thrown away)")
	if err := f.Parse(args); err != nil {
		return s, err
	}
	for text := range strings.SplitSeq(*clients, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || n < 1 || n > 4096 {
			return s, fmt.Errorf("-clients %q: want numbers from 1 to 4096, with commas", *clients)
		}
		s.clients = append(s.clients, n)
	}
	switch {
	case s.model == "":
		return s, errors.New("-model is missing: name a GGUF file")
	case s.threads < 1, s.parallel < 1, s.parallel > 256, s.context < 64, s.tokens < 1:
		return s, errors.New("-threads, -parallel (at most 256), -context (at least 64) and " +
			"-tokens must be positive")
	case s.rounds < 1 || s.rounds > 1000 || s.window <= 0:
		return s, errors.New("-rounds must be 1 to 1000 and -window positive")
	}
	model, err := filepath.Abs(s.model) // servers run elsewhere
	if err != nil {
		return s, err
	}
	if _, err := os.Stat(model); err != nil {
		return s, fmt.Errorf("model: %w", err)
	}
	s.model = model
	return s, nil
}

func (s *settings) run(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "peers") // short: a socket's path is limited
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	servers, err := s.start(ctx, dir)
	defer func() {
		for _, srv := range servers {
			srv.stop()
		}
	}()
	if err != nil {
		return err
	}
	results := newTable(s.clients)
	for round := range s.rounds {
		for _, clients := range s.clients {
			for _, srv := range servers {
				fmt.Fprintf(os.Stderr, "round %d of %d: %-12s %d clients\n",
					round+1, s.rounds, srv.name, clients)
				sample, err := measure(ctx, srv, clients, s)
				if err != nil {
					return fmt.Errorf("%s with %d clients: %w", srv.name, clients, err)
				}
				results.add(srv.name, clients, sample)
			}
		}
	}
	fmt.Printf("model %s, %d threads, %d sequences of %d tokens, answers of at most %d tokens, "+
		"median of %d rounds of %v\n\n", filepath.Base(s.model), s.threads, s.parallel, s.context,
		s.tokens, s.rounds, s.window)
	return results.write(os.Stdout)
}

// start brings up inferd and every peer that is found.
func (s *settings) start(ctx context.Context, dir string) ([]*server, error) {
	inferd, err := s.startInferd(ctx, dir)
	if err != nil {
		return nil, fmt.Errorf("inferd: %w", err)
	}
	servers := []*server{inferd}
	for _, peer := range []struct {
		name, command string
		start         func(context.Context, string, []string) (*server, error)
	}{
		{"llama-server", s.llamaServer, s.startLlamaServer},
		{"ollama", s.ollama, s.startOllama},
	} {
		command := strings.Fields(peer.command)
		if len(command) == 0 {
			continue // switched off by an empty flag
		}
		if _, err := exec.LookPath(command[0]); err != nil {
			fmt.Fprintf(os.Stderr, "%s is left out: %v\n", peer.name, err)
			continue
		}
		srv, err := peer.start(ctx, dir, command)
		if err != nil {
			return servers, fmt.Errorf("%s: %w", peer.name, err)
		}
		servers = append(servers, srv)
	}
	return slices.Clip(servers), nil
}
