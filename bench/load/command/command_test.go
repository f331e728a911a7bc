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

// fakeDaemon answers every line with one done frame.
func fakeDaemon(t *testing.T) string {
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
				defer func() { _ = conn.Close() }()
				for lines := bufio.NewScanner(conn); lines.Scan(); {
					_, _ = io.WriteString(conn, `{"type":"done","id":"","content":"","usage":`+
						`{"prompt_tokens":0,"completion_tokens":0},"stop_reason":"end","backend":"m"}`+"\n")
				}
			}()
		}
	}()
	return listener.Addr().String()
}

func execute(t *testing.T, args ...string) (stdout string, err error) {
	t.Helper()
	var out, errOut bytes.Buffer
	cmd := New("inferd-bench")
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetOut(&out)
	cmd.SetErr(&errOut)
	cmd.SetArgs(args)
	err = cmd.ExecuteContext(t.Context())
	if errOut.Len() > 0 {
		t.Errorf("%v: stderr %q", args, errOut.String())
	}
	return out.String(), err
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
		if err := decoder.Decode(&r); err != nil || r.Done == 0 || r.Offered != float64(200*(i+1)) {
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
	f("--prompt-bytes: distribution", "--uds", "/x", "--prompt-bytes", "many")
	f("--max-tokens: distribution", "--uds", "/x", "--max-tokens", "-4")
	f("--arrivals: ", "--uds", "/x", "--arrivals", "never")
	f("connections", "--uds", "/x", "--sweep-conns", "1,-1")
	f("--plot needs", "--uds", "/x", "--plot", "x.png")
	f("no such file", "--uds", "/nowhere/s")
	f("unknown command", "now")
}
