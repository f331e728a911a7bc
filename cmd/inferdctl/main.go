package main

import (
	"context"
	"os"
)

func main() {
	os.Exit(run(context.Background(), newApp(os.Stdin, os.Stdout, os.Stderr), os.Args[1:]))
}
