package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"inferd/bench/baseline"
)

func main() {
	kind := flag.String("kind", "", "which server")
	uds := flag.String("uds", "", "`path` of the Unix socket")
	tcp := flag.String("tcp", "", "TCP `address`")
	loops := flag.Int("loops", 1, "event loops of the gnet servers")
	delay := flag.Duration("delay", 0, "wait before each token, of kinds that stream frame by frame")
	flag.Usage = func() {
		out := flag.CommandLine.Output()
		_, _ = fmt.Fprintln(out, "Usage: baseline --kind KIND [--uds PATH] [--tcp ADDR]")
		flag.PrintDefaults()
		_, _ = fmt.Fprintln(out, "\nKinds:")
		for _, k := range baseline.Kinds() {
			_, _ = fmt.Fprintf(out, "  %-12s %s\n", k.Name, k.About)
		}
	}
	flag.Parse()
	endpoints := baseline.Endpoints{UDS: *uds, TCP: *tcp, Ready: os.Stdout}
	if err := run(*kind, endpoints, baseline.RunOptions{Loops: *loops, Delay: *delay}); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(2)
	}
}

func run(name string, endpoints baseline.Endpoints, options baseline.RunOptions) error {
	kind, err := baseline.Lookup(name)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return kind.Run(ctx, endpoints, options)
}
