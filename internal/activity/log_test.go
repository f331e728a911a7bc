package activity

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// lines reads every line of the log, oldest first; each must be valid JSON
// with sorted keys.
func lines(t *testing.T, dir string) []map[string]any {
	t.Helper()
	all := contents(t, dir)
	var out []map[string]any
	for _, gen := range []string{".3", ".2", ".1", ""} {
		for l := range strings.Lines(all[gen]) {
			var m map[string]any
			if err := json.Unmarshal([]byte(l), &m); err != nil {
				t.Fatalf("invalid line %q: %v", l, err)
			}
			again, err := json.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			if keys(t, []byte(l)) != keys(t, again) {
				t.Errorf("keys of %q are not sorted", l)
			}
			out = append(out, m)
		}
	}
	return out
}

// keys is the sequence of the keys of a flat JSON object.
func keys(t *testing.T, object []byte) string {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(object))
	var b strings.Builder
	for i := 0; ; i++ {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			return b.String()
		}
		if err != nil {
			t.Fatal(err)
		}
		if i%2 == 1 {
			fmt.Fprintf(&b, "%v,", tok)
		}
	}
}

func count(ls []map[string]any, msg string) (n int) {
	for _, l := range ls {
		if l["msg"] == msg {
			n++
		}
	}
	return n
}

func mustClose(t *testing.T, l *Log) {
	t.Helper()
	if err := l.Close(t.Context()); err != nil {
		t.Fatalf("Close: %v", err)
	}
}

func TestBatchIsWrittenAfterTheDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := &faultFS{}
		l := Open(Options{Dir: t.TempDir(), FS: fs})
		for range 100 {
			l.RequestDone(&RequestDone{ReqID: "r"})
		}
		time.Sleep(batchDelay - 1)
		synctest.Wait()
		if n := fs.count("write"); n != 0 {
			t.Errorf("%d writes before the delay is over", n)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if n := fs.count("write"); n != 1 {
			t.Errorf("%d writes for 100 lines, want 1", n)
		}
		mustClose(t, l)
		if got := len(lines(t, l.dirOf())); got != 100 {
			t.Errorf("%d lines, want 100", got)
		}
	})
}

func (l *Log) dirOf() string { return filepath.Dir(l.Path()) }

func TestCloseFlushesAndLaterEventsAreDropped(t *testing.T) {
	l := Open(Options{Dir: t.TempDir()})
	l.DrainCut(1, 2)
	mustClose(t, l)
	l.DrainCut(3, 4)
	if got := l.Dropped(); got != 1 {
		t.Errorf("Dropped() = %d, want 1", got)
	}
	if got := len(lines(t, l.dirOf())); got != 1 {
		t.Errorf("%d lines, want 1", got)
	}
	mustClose(t, l) // again is fine
}

// TestDiskFailsAndRecovers: serving (the producer) goes on, what fits the
// buffer is written late, the rest is counted, and the count is reported.
func TestDiskFailsAndRecovers(t *testing.T) {
	f := func(op string, fault error) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			var stderr bytes.Buffer
			fs := &faultFS{}
			fs.set(func(got, _ string) error {
				if got == op {
					return fault
				}
				return nil
			})
			l := Open(Options{Dir: t.TempDir(), FS: fs, BufferBytes: minBufferBytes, Stderr: &stderr})
			l.RequestDone(&RequestDone{ReqID: "first"})
			time.Sleep(time.Minute) // retried each second, nothing lost
			synctest.Wait()
			if !errors.Is(l.Err(), fault) {
				t.Errorf("%s: Err() = %v, want %v", op, l.Err(), fault)
			}
			if l.Dropped() != 0 {
				t.Errorf("%s: %d dropped with room left", op, l.Dropped())
			}
			const sent = 2000
			for range sent {
				l.RequestDone(&RequestDone{ReqID: "later"})
			}
			dropped := l.Dropped()
			if dropped == 0 || dropped >= sent {
				t.Fatalf("%s: %d of %d dropped", op, dropped, sent)
			}
			fs.set(nil)
			time.Sleep(2 * retryDelay)
			synctest.Wait()
			mustClose(t, l)
			ls := lines(t, l.dirOf())
			if got := count(ls, "request_done"); got != 1+sent-int(dropped) {
				t.Errorf("%s: %d request_done lines, want %d", op, got, 1+sent-int(dropped))
			}
			last := ls[len(ls)-1]
			if last["msg"] != "log_dropped" || last["count"] != float64(dropped) {
				t.Errorf("%s: last line %v, want log_dropped with count %d", op, last, dropped)
			}
			for _, want := range []string{
				"ERROR activity log cannot be written; serving goes on", fault.Error(),
				"WARN  activity log is written again",
			} {
				if got := strings.Count(stderr.String(), want); got != 1 {
					t.Errorf("%s: %q is %d times on stderr, want once:\n%s", op, want, got, &stderr)
				}
			}
		})
	}
	f("write", syscall.ENOSPC)
	f("open", syscall.EACCES)
	f("mkdir", syscall.EROFS)
	f("write", syscall.EIO)
}

// TestSlowDisk: while a write hangs, producers never wait.
func TestSlowDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		fs := &faultFS{}
		fs.set(func(op, _ string) error {
			if op == "write" {
				<-release
			}
			return nil
		})
		l := Open(Options{Dir: t.TempDir(), FS: fs, BufferBytes: minBufferBytes})
		l.DrainCut(1, 1)
		time.Sleep(batchDelay)
		synctest.Wait() // the writer hangs in write now
		begin := time.Now()
		for range 5000 {
			l.RequestDone(&RequestDone{})
		}
		if took := time.Since(begin); took != 0 {
			t.Errorf("producer waited %v for the disk", took)
		}
		if l.Dropped() == 0 {
			t.Error("nothing dropped though the disk hangs")
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := l.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Close with a hanging disk: %v, want deadline exceeded", err)
		}
		close(release)
		synctest.Wait()
	})
}

func TestCloseWithBrokenDiskReportsTheLoss(t *testing.T) {
	fs := &faultFS{}
	fs.set(func(string, string) error { return syscall.ENOSPC })
	l := Open(Options{Dir: t.TempDir(), FS: fs})
	l.DrainCut(1, 1)
	if err := l.Close(t.Context()); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Close: %v, want ENOSPC", err)
	}
	if l.Dropped() != 1 {
		t.Errorf("Dropped() = %d, want 1", l.Dropped())
	}
}

// TestFloodCannotStarve: client-caused events are limited to a number a second
// and to three quarters of the buffer; request_done has the rest.
func TestFloodCannotStarve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := &faultFS{}
		fs.set(func(string, string) error { return syscall.ENOSPC })
		l := Open(Options{Dir: t.TempDir(), FS: fs, BufferBytes: minBufferBytes})
		flood := func() {
			l.QueueFull(&QueueFull{ReqID: "flood"})
			l.InvalidRequest(&InvalidRequest{ReqID: "flood"})
			l.ConnectionAccepted(&ConnectionAccepted{Transport: "unix"})
			l.ConnectionRefused(&ConnectionRefused{Reason: "connection_limit"})
			l.ConnectionClosed(&ConnectionClosed{Reason: "eof"})
		}
		for range 1000 {
			flood()
		}
		dropped := l.Dropped()
		if dropped == 0 {
			t.Fatal("the flood did not fill its share of the buffer")
		}
		for range 10 {
			l.RequestDone(&RequestDone{ReqID: "matters"})
		}
		if l.Dropped() != dropped {
			t.Error("request_done was dropped behind a flood")
		}
		fs.set(nil)
		time.Sleep(time.Minute)
		synctest.Wait()
		mustClose(t, l)
		if got := count(lines(t, l.dirOf()), "request_done"); got != 10 {
			t.Errorf("%d request_done lines, want 10", got)
		}
	})
}

func TestFloodIsSummedUp(t *testing.T) {
	f := func(event string, cause func(l *Log)) {
		t.Helper()
		floodIsSummedUp(t, event, cause)
	}
	f("queue_full", func(l *Log) { l.QueueFull(&QueueFull{}) })
	f("connection_refused", func(l *Log) { l.ConnectionRefused(&ConnectionRefused{}) })
}

func floodIsSummedUp(t *testing.T, event string, cause func(l *Log)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := Open(Options{Dir: t.TempDir()})
		for range 5000 {
			cause(l)
			l.RequestDone(&RequestDone{})
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		cause(l) // a new second, a new allowance
		mustClose(t, l)
		ls := lines(t, l.dirOf())
		if got := count(ls, event); got != floodLinesPerSecond+1 {
			t.Errorf("%d %s lines, want %d", got, event, floodLinesPerSecond+1)
		}
		sum := 0.0
		for _, m := range ls {
			if m["msg"] == "log_suppressed" && m["event"] == event {
				sum += m["count"].(float64)
			}
		}
		if want := float64(5000 - floodLinesPerSecond); sum != want {
			t.Errorf("log_suppressed counts %v, want %v", sum, want)
		}
		if got := count(ls, "request_done") + int(l.Dropped()); got != 5000 {
			t.Errorf("%d request_done lines written or counted, want 5000", got)
		}
	})
}

func TestLevels(t *testing.T) {
	f := func(level slog.Level, wantFile, wantStderr int) {
		t.Helper()
		var stderr bytes.Buffer
		var v slog.LevelVar
		v.Set(level)
		dir := t.TempDir()
		l := Open(Options{Dir: dir, Stderr: &stderr, Level: &v})
		l.RequestDone(&RequestDone{})                  // info, activity
		l.QueueFull(&QueueFull{})                      // warn, a client's doing
		l.Breaker("b", BreakerOpened)                  // warn
		l.Logger("test").Info("lifecycle")             // info, on stderr too
		l.Logger("test").Error("broken", "n", 1)       // error
		l.Logger("test").Debug("detail", "n", "a\x1b") // debug
		mustClose(t, l)
		if got := len(lines(t, dir)); got != wantFile {
			t.Errorf("level %v: %d lines in the file, want %d", level, got, wantFile)
		}
		if got := strings.Count(stderr.String(), "\n"); got != wantStderr {
			t.Errorf("level %v: %d lines on stderr, want %d:\n%s", level, got, wantStderr, &stderr)
		}
	}
	f(slog.LevelDebug, 6, 6)
	f(slog.LevelInfo, 5, 3)
	f(slog.LevelWarn, 3, 2)
	f(slog.LevelError, 1, 1)
	f(LevelOff, 0, 0)
}

func TestParseLevel(t *testing.T) {
	f := func(in string, want slog.Level, wantErr string) {
		t.Helper()
		got, err := ParseLevel(in)
		if got != want || fmt.Sprint(err) != wantErr {
			t.Errorf("ParseLevel(%q) = %v, %v; want %v, %s", in, got, err, want, wantErr)
		}
	}
	f("", slog.LevelInfo, "<nil>")
	f("info", slog.LevelInfo, "<nil>")
	f("DEBUG", slog.LevelDebug, "<nil>")
	f("trace", slog.LevelDebug, "<nil>")
	f("warning", slog.LevelWarn, "<nil>")
	f("error", slog.LevelError, "<nil>")
	f("off", LevelOff, "<nil>")
	f("0", LevelOff, "<nil>")
	f("none", LevelOff, "<nil>")
	f("warn,http=debug", slog.LevelWarn, "<nil>")
	f("loud", 0, `log level "loud": use debug, info, warn, error or off`)
}

func TestLevelName(t *testing.T) {
	for _, name := range []string{"debug", "info", "warn", "error", "off"} {
		if level, err := ParseLevel(name); err != nil || LevelName(level) != name {
			t.Errorf("%s is %v, %v, and that is %s", name, level, err, LevelName(level))
		}
	}
}

func TestNilLogAndNoOutputs(t *testing.T) {
	var l *Log
	l.RequestDone(&RequestDone{})
	l.Logger("x").Info("y")
	if l.Dropped() != 0 || l.Err() != nil || l.Path() != "" || l.Close(t.Context()) != nil {
		t.Error("a nil log is not silent")
	}
	l = Open(Options{})
	l.RequestDone(&RequestDone{})
	l.Logger("x").Info("y")
	mustClose(t, l)
	if l.Dropped() != 0 {
		t.Errorf("Dropped() = %d without outputs", l.Dropped())
	}
}

// TestConcurrentProducers is for the race detector and the count.
func TestConcurrentProducers(t *testing.T) {
	dir := t.TempDir()
	l := Open(Options{Dir: dir, FileBytes: 32 << 10, KeepFiles: 100})
	var wg sync.WaitGroup
	const producers, each = 8, 200
	for p := range producers {
		wg.Go(func() {
			for i := range each {
				l.RequestDone(&RequestDone{From: From{Conn: uint64(p + 1)}, ReqID: fmt.Sprint(i)})
				l.Logger("p").Info("line", "i", i)
			}
		})
	}
	wg.Wait()
	mustClose(t, l)
	if l.Dropped() != 0 {
		t.Fatalf("%d dropped", l.Dropped())
	}
	n := 0
	files, err := filepath.Glob(filepath.Join(dir, fileName+"*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if len(b) > 32<<10 {
			t.Errorf("%s has %d bytes", f, len(b))
		}
		for line := range bytes.Lines(b) {
			if !json.Valid(line) {
				t.Fatalf("invalid line %q", line)
			}
			n++
		}
	}
	if n != 2*producers*each {
		t.Errorf("%d lines, want %d", n, 2*producers*each)
	}
}
