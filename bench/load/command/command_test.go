package command

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"inferd/bench/load"
)

const doneLine = `{"type":"done","id":"","content":"","usage":` +
	`{"prompt_tokens":0,"completion_tokens":0},"stop_reason":"end","backend":"m"}` + "\n"

// fakeDaemon answers every line with one done frame.
func fakeDaemon(t *testing.T) string {
	t.Helper()
	return fakeServer(t, func(conn net.Conn) {
		for lines := bufio.NewScanner(conn); lines.Scan(); {
			_, _ = io.WriteString(conn, doneLine)
		}
	})
}

// fakeServer calls handle for each connection in a goroutine of its own.
func fakeServer(t *testing.T, handle func(conn net.Conn)) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "i") // short enough for a socket path
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = listener.Close()
		_ = os.RemoveAll(dir)
	})
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				handle(conn)
				_ = conn.Close()
			}()
		}
	}()
	return listener.Addr().String()
}

func execute(t *testing.T, args ...string) (stdout string, err error) {
	t.Helper()
	stdout, stderr, err := executeAll(t, args...)
	for line := range strings.Lines(stderr) {
		if !strings.HasPrefix(line, "warning: ") { // of a busy machine
			t.Errorf("%v: stderr %q", args, stderr)
		}
	}
	return stdout, err
}

func executeAll(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, errOut bytes.Buffer
	cmd := New("inferd-bench")
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetOut(&out)
	cmd.SetErr(&errOut)
	cmd.SetArgs(args)
	err = cmd.ExecuteContext(t.Context())
	return out.String(), errOut.String(), err
}

func TestForms(t *testing.T) {
	f := func(want string, args ...string) {
		t.Helper()
		out, err := execute(t, append([]string{"--uds", fakeDaemon(t), "-d", "50ms", "-w", "10ms"}, args...)...)
		if err != nil || !strings.Contains(out, want) {
			t.Errorf("%v: %v\n%s\nwant %q", args, err, out, want)
		}
	}
	f("2 connections, closed loop", "-c", "2")
	f("open loop, 500 requests/s offered, steady", "-r", "500", "--arrivals", "steady")
	f("label,transport,loop", "--csv")
	f("BenchmarkX/uds/closed/c=1 ", "--benchstat", "--label", "x")
	f("us/req", "--sweep-conns", "1,2")
	f("BenchmarkInferd/uds/closed/c=1 ", "--benchstat", "--repeat", "2")
	f("repeats    3 runs, the last 3 within ", "--repeat", "3")
	f("whole answer", "--repeat-until-stable", "--max-repeats", "3", "--repeat-until-stable=1e9")
}

func TestJSONToFileAndPlot(t *testing.T) {
	dir := t.TempDir()
	path, plot := filepath.Join(dir, "r.json"), filepath.Join(dir, "p.png")
	out, err := execute(t, "--uds", fakeDaemon(t), "-d", "50ms", "-w", "0",
		"--sweep-rate", "200,400", "--json", "--out", path, "--plot", plot)
	if err != nil || out != "" {
		t.Fatalf("%v, stdout %q", err, out)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	for i, decoder := 0, json.NewDecoder(file); i < 2; i++ {
		var r load.Result
		if err := decoder.Decode(&r); err != nil || r.Done+r.DoneAfter == 0 || r.Offered != float64(200*(i+1)) {
			t.Errorf("run %d: %v, done %d, offered %v", i, err, r.Done, r.Offered)
		}
	}
	if info, err := os.Stat(plot); err != nil || info.Size() == 0 {
		t.Errorf("plot: %v", err)
	}
}

func TestUsageErrors(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	t.Setenv("TMPDIR", t.TempDir())
	f := func(want string, args ...string) {
		t.Helper()
		out, err := execute(t, args...)
		if err == nil || !strings.Contains(err.Error(), want) || out != "" {
			t.Errorf("%v: %v, stdout %q; want %q", args, err, out, want)
		}
	}
	f("none of the others can be", "--uds", "/x", "--tcp", "127.0.0.1:1")
	f("none of the others can be", "--uds", "/x", "--sweep-conns", "1,2", "--conns", "3")
	f("none of the others can be", "--uds", "/x", "--sweep-rate", "1,2", "--rate", "3")
	f("none of the others can be", "--uds", "/x", "--repeat", "2", "--repeat-until-stable")
	f("--prompt-bytes: distribution", "--uds", "/x", "--prompt-bytes", "many")
	f("--max-tokens: distribution", "--uds", "/x", "--max-tokens", "-4")
	f("--arrivals: ", "--uds", "/x", "--rate", "1", "--arrivals", "never")
	f("--sweep-conns [1,-1]: want 1 or more", "--uds", "/x", "--sweep-conns", "1,-1")
	f("--sweep-conns [0,1]: want 1 or more", "--uds", "/x", "--sweep-conns", "0,1")
	f("--sweep-rate ", "--uds", "/x", "--sweep-rate", "5,0")
	f("--sweep-rate ", "--uds", "/x", "--sweep-rate", "NaN")
	f("want 0 to 1e7", "--uds", "/x", "--rate", "NaN")
	f("share of slow readers NaN", "--uds", "/x", "--slow-readers", "NaN")
	f("--conns 0: want", "--uds", "/x", "-c", "0")
	f("--duration 0s: want", "--uds", "/x", "-d", "0")
	f("--repeat 0: want", "--uds", "/x", "--repeat", "0")
	f("--repeat-until-stable 0: want", "--uds", "/x", "--repeat-until-stable=0")
	f("equals sign: --repeat-until-stable=5", "--uds", "/x", "--repeat-until-stable", "5")
	f("--max-repeats 2: want 3 or more", "--uds", "/x", "--repeat-until-stable", "--max-repeats", "2")
	f("--max-repeats does nothing without", "--uds", "/x", "--max-repeats", "4")
	f("--arrivals does nothing without --rate", "--uds", "/x", "--arrivals", "burst:5")
	f("--slow-rate does nothing without --slow-readers", "--uds", "/x", "--slow-rate", "5")
	f("--slow-rate 0: want", "--uds", "/x", "--slow-rate", "0", "--slow-readers", "1")
	f("slow readers at +Inf bytes", "--uds", "/x", "--slow-rate", "inf", "--slow-readers", "1")
	f("must not be negative", "--uds", "/x", "--slo-ttft", "-1s")
	f("--api-key does nothing without --tcp", "--uds", "/x", "--api-key", "k")
	f("--plot needs", "--uds", "/x", "--plot", "x.png")
	f("no such file", "--uds", "/nowhere/s")
	// The files are tried before the server, which is not there.
	f("--out: open /nowhere/r", "--uds", "/nowhere/s", "--out", "/nowhere/r")
	f("--out: open /: is a directory", "--uds", "/nowhere/s", "--out", "/")
	f("--plot: open /nowhere/x.png", "--uds", "/nowhere/s", "--sweep-rate", "1,2", "--plot", "/nowhere/x.png")
	f("--plot: plot x.foo", "--uds", "/nowhere/s", "--sweep-rate", "1,2", "--plot", "x.foo")
	f("unknown command", "now")
	t.Setenv("INFERD_UDS", "none")
	f("no Unix socket and no TCP address")
	t.Setenv("INFERD_TCP", "127.0.0.1:1") // nobody is there
	f("connect to tcp:127.0.0.1:1: ")
}
