package command

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/atomic"

	"inferd/bench/load"
)

// brief are the flags of a run that is over soon, all but its target.
func brief(more ...string) []string {
	return append([]string{"-d", "100ms", "-w", "0"}, more...)
}

func TestExitCodes(t *testing.T) {
	replying := func(reply string) string {
		return fakeServer(t, func(conn net.Conn) {
			for lines := bufio.NewScanner(conn); lines.Scan(); {
				_, _ = io.WriteString(conn, reply)
			}
		})
	}
	f := func(uds string, want int, text string, args ...string) {
		t.Helper()
		out, _, err := executeAll(t, brief(append(args, "--uds", uds)...)...)
		if code := ExitCode(err); code != want || !strings.Contains(out, text) {
			t.Errorf("%v: exit code %d, want %d: %v\n%s\nwant %q", args, code, want, err, out, text)
		}
		if (want == exitProblem) != errors.Is(err, ErrProblem) {
			t.Errorf("%v: error %v", args, err)
		}
	}
	refusal := `{"type":"error","id":"bench","code":"queue_full","message":"full"}` + "\n"
	failure := `{"type":"error","id":"bench","code":"backend_unavailable","message":"no"}` + "\n"
	f(replying(doneLine), exitOK, "whole answer")
	f(replying(refusal), exitOK, "refusal")
	f(replying(failure), exitProblem, "PROBLEM    no request was answered: backend_unavailable ")
	f(replying(failure), exitProblem, `"problem":"no request`, "--json")
	f(replying(failure), exitProblem, "! 2 connections: no request was", "--sweep-conns", "1,2")
	f(replying(failure), exitProblem, "! 1 connection at 20/s: no request was", "--sweep-rate", "10,20",
		"--plot", filepath.Join(t.TempDir(), "x.png"))
	f(replying(""), exitProblem, "no request was answered: 1 unfinished", "--drain", "10ms")
	f("/nowhere/s", exitError, "")
}

// TestInterrupt: the finished run and the one that was ended are reported.
func TestInterrupt(t *testing.T) {
	f := func(signal syscall.Signal, want int) {
		t.Helper()
		var conns atomic.Int64
		uds := fakeServer(t, func(conn net.Conn) {
			second := conns.Inc() == 2
			for lines := bufio.NewScanner(conn); lines.Scan(); {
				if second { // no answer: its run cannot end by itself
					_ = syscall.Kill(os.Getpid(), signal)
					continue
				}
				_, _ = io.WriteString(conn, doneLine)
			}
		})
		path := filepath.Join(t.TempDir(), "r.csv")
		_, _, err := executeAll(t, "--uds", uds, "-d", "100ms", "-w", "0", "--drain", "1h",
			"--sweep-conns", "1,1,1", "--csv", "--out", path)
		data, _ := os.ReadFile(path)
		lines := strings.Split(strings.TrimSpace(string(data)), "\n")
		if ExitCode(err) != want || len(lines) != 3 {
			t.Fatalf("%v: exit code %d, %v, %d lines", signal, ExitCode(err), err, len(lines))
		}
		if !strings.Contains(lines[1], ",false,") || !strings.Contains(lines[2], ",true,") {
			t.Errorf("which was interrupted?\n%s", data)
		}
	}
	f(syscall.SIGINT, 130)
	f(syscall.SIGTERM, 143)
}

// TestLaterStepFails: the steps before it are reported.
func TestLaterStepFails(t *testing.T) {
	uds := fakeServer(t, func(conn net.Conn) {
		_ = os.Remove(conn.LocalAddr().String()) // the next run finds no server
		for lines := bufio.NewScanner(conn); lines.Scan(); {
			_, _ = io.WriteString(conn, doneLine)
		}
	})
	path := filepath.Join(t.TempDir(), "r.json")
	_, stderr, err := executeAll(t, brief("--uds", uds, "--sweep-conns", "1,2", "--json",
		"--out", path, "--plot", filepath.Join(t.TempDir(), "x.png"))...)
	if ExitCode(err) != exitError || !strings.Contains(err.Error(), "2 connections: load: ") {
		t.Errorf("error %v", err)
	}
	if !strings.Contains(stderr, "without --server-pid the plot shows answers/s") {
		t.Errorf("stderr %q", stderr)
	}
	data, err := os.ReadFile(path)
	if err != nil || strings.Count(string(data), "\n") != 1 {
		t.Errorf("%v:\n%s", err, data)
	}
}

// TestBenchstatOfRepeats: a line for each run made, for benchstat's variance.
func TestBenchstatOfRepeats(t *testing.T) {
	f := func(want int, args ...string) {
		t.Helper()
		out, err := execute(t, brief(append(args, "--uds", fakeDaemon(t), "--benchstat")...)...)
		if n := strings.Count(out, "\nBenchmark"); err != nil || n+1 != want {
			t.Errorf("%v: %v, want %d lines:\n%s", args, err, want, out)
		}
	}
	f(1)
	f(2, "--repeat", "2")
	f(4, "--repeat", "2", "--sweep-conns", "1,2")
	f(3, "--repeat-until-stable=1e9")
}

// TestNotStable: the warning is in the report, whatever its form.
func TestNotStable(t *testing.T) {
	out, err := execute(t, brief("--uds", fakeDaemon(t), "--json",
		"--repeat-until-stable=1e-9", "--max-repeats", "3")...)
	if err != nil || !strings.Contains(out, `"not stable after 3 runs: the last 3 differ by `) ||
		!strings.Contains(out, `"repeats":{"runs":3,"compared":3,"spread":`) {
		t.Errorf("%v:\n%s", err, out)
	}
}

// TestFilesAreLeftAlone: trying whether a file can be written changes nothing.
func TestFilesAreLeftAlone(t *testing.T) {
	old := filepath.Join(t.TempDir(), "old")
	if err := os.WriteFile(old, []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	fresh := filepath.Join(t.TempDir(), "fresh")
	for _, path := range []string{old, fresh, os.DevNull} {
		if err := checkWritable(path); err != nil {
			t.Error(err)
		}
	}
	if data, err := os.ReadFile(old); err != nil || string(data) != "kept" {
		t.Errorf("%q, %v", data, err)
	}
	if _, err := os.Stat(fresh); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file was left behind: %v", err)
	}
}

func TestProgressLine(t *testing.T) {
	f := func(note string, now load.Progress, want string) {
		t.Helper()
		if got := progressLine(note, now); got != want || len(got) > progressColumns {
			t.Errorf("%q (%d), want %q", got, len(got), want)
		}
	}
	const s = time.Second
	f("", load.Progress{Phase: "connecting", Conns: 3, WantConns: 64, Elapsed: s},
		"connecting 3 of 64")
	f("[2/5] ", load.Progress{
		Phase: "draining", Elapsed: 2100 * time.Millisecond, Total: 5 * s, Done: 7, Conns: 64,
		WantConns: 64,
	}, "[2/5] draining 2.1s of 5s  7 done")
	f("", load.Progress{Phase: "measuring", Elapsed: 6 * s, Total: 5 * s, Rejected: 2, WantConns: 1},
		"measuring 5s of 5s  0 done  2 refused  0 of 1 connected")
	f("[12/15] [run 10, spread 123.4%] ", load.Progress{
		Phase: "warming up", Elapsed: 59900 * time.Millisecond, Total: time.Minute, Done: 123456789,
		Rejected: 123456, Failed: 1234, Conns: 1000, WantConns: 9999,
	}, "[12/15] [run 10, spread 123.4%] warming up 59.9s of 1m0s  123456789 done")
}
