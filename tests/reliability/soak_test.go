package reliability

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/atomic"

	"inferd/tests/harness"
	"inferd/tests/reliability/observe"
)

// TestRow20_Soak mixes every kind of client for a while. Each request is
// answered once, and memory, descriptors and goroutines end where they began.
func TestRow20_Soak(t *testing.T) {
	length := time.Duration(size(3, 180)) * time.Second
	d := harness.StartMock(t, "--mock-tokens", "20", "--mock-token-delay", "1ms",
		"--active-permits", "8", "--queue-depth", "16", "--line-timeout", "1s",
		"--stall-timeout", "300ms", "--max-output-bytes", "64KiB", "--tcp", "127.0.0.1:0",
		"--api-key", "soak", "--metrics-addr", "127.0.0.1:0")
	admin := observe.Dial(t, d)
	unix, tcp, addr := d.Unix(), d.TCP(t), observe.MetricsAddr(t, d)
	var answered atomic.Uint64
	round := func(length time.Duration) {
		until := time.Now().Add(length)
		kinds := soakers(unix, tcp, addr, &answered)
		clients(t, 2*len(kinds), func(i int) error {
			for time.Now().Before(until) {
				if err := kinds[i%len(kinds)](); err != nil {
					return err
				}
			}
			return nil
		})
		admin.Await(t, "a quiet daemon", func(s observe.Stats) bool {
			return s.Active+s.Queued+s.Connections == 0 && s.Inbound == 0
		})
	}
	now := func() (rss int64, fds int, goroutines float64) {
		all, err := observe.TryScrape(addr)
		must(t, err)
		return observe.RSS(t, d.PID) >> 20, observe.FDs(t, d.PID), all["go_goroutines"]
	}
	round(length / 3) // buffers and pools find their size
	rss, fds, goroutines := now()
	round(length)
	var rss2 int64
	var fds2 int
	var goroutines2 float64
	harness.Await(t, "about as many descriptors and goroutines as before", func() bool {
		rss2, fds2, goroutines2 = now()
		return fds2 <= fds+4 && goroutines2 <= goroutines+4
	})
	t.Logf("%d answers in %v; memory %d to %d MiB, descriptors %d to %d, goroutines %.0f to %.0f",
		answered.Load(), length+length/3, rss, rss2, fds, fds2, goroutines, goroutines2)
	if rss2 > rss+rss/2+32 && !harness.Race {
		t.Error("memory grows")
	}
	if s := admin.Stats(t); s.Counters.Panics != 0 || s.LogDropped != 0 {
		t.Errorf("%d panics, %d log lines dropped", s.Counters.Panics, s.LogDropped)
	}
}

// soakers are the clients of the soak, each doing one round of its kind.
func soakers(unix, tcp, metrics string, answered *atomic.Uint64) []func() error {
	with := func(network, addr string, f func(c *harness.Conn) error) error {
		c, err := harness.TryDial(network, addr)
		if err != nil {
			return err
		}
		defer c.Close()
		return f(c)
	}
	polite := func(c *harness.Conn) error {
		for range 5 {
			outcome, err := ask(c, "r")
			if err != nil {
				return err
			}
			if outcome != "done" && outcome != "queue_full" {
				return fmt.Errorf("outcome %s", outcome)
			}
			answered.Inc()
		}
		return nil
	}
	return []func() error{
		func() error { return with("unix", unix, polite) },
		func() error {
			return with("tcp", tcp, func(c *harness.Conn) error {
				if err := c.TrySend(`{"type":"auth","key":"soak"}` + "\n"); err != nil {
					return err
				}
				return polite(c)
			})
		},
		func() error { // leaves in the middle
			return with("unix", unix, func(c *harness.Conn) error {
				if err := c.TrySend(harness.Ask("r")); err != nil {
					return err
				}
				_, err := c.TryFrame()
				return err
			})
		},
		func() error { // sends nonsense
			return with("unix", unix, func(c *harness.Conn) error {
				if err := c.TrySend("nonsense\n"); err != nil {
					return err
				}
				_, err := c.TryFrame()
				return err
			})
		},
		func() error { // pipelines and never reads
			return with("unix", unix, func(c *harness.Conn) error {
				_ = c.TrySend(strings.Repeat(harness.Ask("r"), 50))
				time.Sleep(20 * time.Millisecond)
				return nil
			})
		},
		func() error { // has no key
			return with("tcp", tcp, func(c *harness.Conn) error {
				_ = c.TrySend(harness.Ask("r"))
				_, err := c.TryLine()
				if err == nil {
					return fmt.Errorf("served without a key")
				}
				return nil
			})
		},
		func() error { _, err := observe.TryScrape(metrics); return err },
	}
}

// TestRow17_NoTimerReadsTheWallClock: the packages that time anything compare
// instants that carry the monotonic clock. What strips it from them is not used
// there, so a jump of the wall clock cannot be noticed.
func TestRow17_NoTimerReadsTheWallClock(t *testing.T) {
	root, err := harness.Root()
	must(t, err)
	strips := map[string]bool{
		"Unix": true, "UnixNano": true, "UnixMilli": true, "UnixMicro": true, "Round": true,
		"Truncate": true, "UTC": true, "Local": true, "In": true, "AddDate": true,
	}
	files := 0
	for _, dir := range []string{"loop", "admit", "route", "engine", "internal/serve"} {
		walk := func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() || !strings.HasSuffix(path, ".go") ||
				strings.HasSuffix(path, "_test.go") || strings.Contains(path, "llamacpp") {
				return err
			}
			files++
			return wallClock(t, path, strips)
		}
		must(t, filepath.WalkDir(filepath.Join(root, dir), walk))
	}
	if files < 20 {
		t.Errorf("only %d files were looked at", files)
	}
}

// wallClock reports calls in the file, if it deals with time at all, of methods
// that have one of the names.
func wallClock(t *testing.T, path string, names map[string]bool) error {
	t.Helper()
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, path, nil, 0)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(f.Imports, func(i *ast.ImportSpec) bool {
		return i.Path.Value == `"time"`
	}) {
		return nil
	}
	ast.Inspect(f, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			if sel, ok := call.Fun.(*ast.SelectorExpr); ok && names[sel.Sel.Name] {
				t.Errorf("%s: %s strips the monotonic clock", set.Position(n.Pos()), sel.Sel.Name)
			}
		}
		return true
	})
	return nil
}
