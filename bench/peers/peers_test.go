package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"inferd/client"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestParse(t *testing.T) {
	f := func(want string, args ...string) {
		t.Helper()
		_, err := parse(args)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", args, err, want)
		}
	}
	model := filepath.Join(t.TempDir(), "m.gguf")
	if err := os.WriteFile(model, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	f("", "-model", model)
	f("-model is missing")
	f("no such file", "-model", model+"x")
	f("numbers from 1 to 4096", "-model", model, "-clients", "1,x")
	f("numbers from 1 to 4096", "-model", model, "-clients", "0")
	f("must be positive", "-model", model, "-threads", "0")
	f("must be positive", "-model", model, "-parallel", "257")
	f("-rounds must be", "-model", model, "-rounds", "0")
	s, err := parse([]string{"-model", model, "-clients", "1, 8,64"})
	if diff := cmp.Diff([]int{1, 8, 64}, s.clients); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
}

// Both kinds of server are measured: three tokens each, over HTTP and over the
// daemon's socket.
func TestMeasure(t *testing.T) {
	f := func(srv *server) {
		t.Helper()
		s := &settings{tokens: 3, window: 20 * time.Millisecond}
		got, err := measure(t.Context(), srv, 4, s)
		if err != nil {
			t.Fatalf("%s: %v", srv.name, err)
		}
		if got.requestsPerSecond <= 0 || got.tokensPerRequest != 3 || got.firstP50 < 1 ||
			got.firstP99 < got.firstP50 || got.gapP99 < got.gapP50 {
			t.Errorf("%s: %+v", srv.name, got)
		}
	}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for i := range 3 {
			fmt.Fprintf(w, "data: {\"choices\":[{\"delta\":{\"content\":\"t%d\"}}]}\n\n", i)
			w.(http.Flusher).Flush()
		}
		_, _ = io.WriteString(w, `data: {"choices":[{"delta":{},"finish_reason":"length"}],`+
			`"usage":{"prompt_tokens":1,"completion_tokens":3}}`+"\n\ndata: [DONE]\n\n")
	}))
	defer web.Close()
	srv, err := httpServer("web", web.URL, "m", os.Getpid(), func() {})
	if err != nil {
		t.Fatal(err)
	}
	defer srv.stop()
	f(srv)

	f(&server{name: "daemon", pid: os.Getpid(), dial: func(context.Context) (asker, error) {
		near, far := net.Pipe()
		go answerFrames(far)
		return daemonAsker{client.NewClient(near)}, nil
	}})
}

// answerFrames is a daemon of three tokens.
func answerFrames(conn net.Conn) {
	defer conn.Close()
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		_, _ = io.WriteString(conn, strings.Repeat(`{"id":"","type":"token","content":"t"}`+"\n", 3)+
			`{"id":"","type":"done","content":"ttt","usage":{"prompt_tokens":1,"completion_tokens":3},`+
			`"stop_reason":"length","backend":"mock"}`+"\n")
	}
}

// A server that fails in the middle fails the measurement, not a line of it.
func TestMeasureFailure(t *testing.T) {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
	}))
	defer web.Close()
	srv, err := httpServer("web", web.URL, "m", os.Getpid(), func() {})
	if err != nil {
		t.Fatal(err)
	}
	defer srv.stop()
	_, err = measure(t.Context(), srv, 1, &settings{tokens: 3, window: time.Second})
	if err == nil || !strings.Contains(err.Error(), "upstream HTTP 500") {
		t.Errorf("got %v, want upstream HTTP 500", err)
	}
}

// A server that dies while starting is reported at once, not after the wait.
func TestLaunchDies(t *testing.T) {
	s := &settings{}
	_, died, stop, err := s.launch(t.TempDir(), "x", nil, "/bin/sh", "-c", "exit 3")
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	err = await(t.Context(), died, func() bool { return false })
	if err == nil || !strings.Contains(err.Error(), "ended while starting") {
		t.Errorf("got %v", err)
	}
}

func TestTable(t *testing.T) {
	table := newTable([]int{1, 8})
	for _, rate := range []float64{30, 10, 20} { // the median counts
		table.add("inferd", 1, sample{requestsPerSecond: rate, firstP50: 1500, tokensPerRequest: 16})
		table.add("peer", 1, sample{requestsPerSecond: rate / 4, firstP50: 3000, tokensPerRequest: 16})
	}
	table.add("inferd", 8, sample{requestsPerSecond: 100})
	table.add("peer", 8, sample{requestsPerSecond: 50})
	var got strings.Builder
	if err := table.write(&got); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| server | c=1 | c=8 |",
		"| requests/s | inferd | 20.0 | 100.0 |",
		"| first token p50 | peer | 3.00 ms | - |",
		"| times as many requests/s | inferd / peer | 4.00 | 2.00 |",
	} {
		if !strings.Contains(strings.Join(strings.Fields(got.String()), " "), want) {
			t.Errorf("no line %q in\n%s", want, got.String())
		}
	}
}

func TestTreeCPU(t *testing.T) {
	if runtime.GOOS != "linux" {
		return // not known there
	}
	before := treeCPU(os.Getpid())
	for deadline := time.Now().Add(10 * time.Second); treeCPU(os.Getpid()) == before; {
		if time.Now().After(deadline) {
			t.Fatal("a busy process uses no CPU time")
		}
	}
}
