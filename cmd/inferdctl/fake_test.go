package main

import (
	"bufio"
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// fakeSocket serves connections one after the other with handle and returns the
// path to dial.
func fakeSocket(t *testing.T, handle func(r *bufio.Reader, conn net.Conn)) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "i") // short enough for a socket path
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "s")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			handle(bufio.NewReader(conn), conn)
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		<-done
		_ = os.RemoveAll(dir)
	})
	return path
}

// saying answers every connection with the same text, at once.
func saying(t *testing.T, text string) string {
	return fakeSocket(t, func(_ *bufio.Reader, conn net.Conn) {
		_, _ = conn.Write([]byte(text))
	})
}

// answering answers each request line with the next of answers and sends the
// requests to the channel.
func answering(t *testing.T, answers ...string) (path string, requests chan string) {
	requests = make(chan string, len(answers))
	return fakeSocket(t, func(r *bufio.Reader, conn net.Conn) {
		for len(answers) > 0 {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			requests <- strings.TrimSuffix(line, "\n")
			_, _ = conn.Write([]byte(answers[0]))
			answers = answers[1:]
		}
	}), requests
}

// result is what one command line did.
type result struct {
	code           int
	stdout, stderr string
}

func runWith(t *testing.T, stdin string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var stdout, stderr bytes.Buffer
	code := run(ctx, newApp(strings.NewReader(stdin), &stdout, &stderr), args)
	return result{code, stdout.String(), stderr.String()}
}

// fullDisk takes nothing.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, syscall.ENOSPC }
