package activity

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"time"
)

// Options configure a Log. The zero value logs nowhere.
type Options struct {
	Dir    string    // directory of inferd.ndjson, made 0700; empty means no file
	Stderr io.Writer // compact lines for people; nil means none
	// Journal says that Stderr is systemd's journal: lines begin with a priority, not
	// with a time and a level.
	Journal bool

	// Level is read at every event and may be changed at any time; nil means
	// info. LevelOff silences both outputs.
	Level *slog.LevelVar

	BufferBytes int   // 0 means DefaultBufferBytes; at least 64 KiB
	FileBytes   int64 // 0 means DefaultFileBytes
	KeepFiles   int   // 0 means DefaultKeepFiles, negative keeps none
	FS          FS    // nil means the disk
}

// Log is the daemon's log. Its methods may be called from any goroutine, never
// block on I/O, and do nothing on a nil *Log.
type Log struct {
	// immutable
	level  *slog.LevelVar
	file   *sink // writes to nowhere without a directory
	stderr *sink // nil without stderr
	path   string

	// guarded by file.mu
	now   int64 // of the event being encoded, Unix nanoseconds
	stamp stamp
	wall  wallClock
	flood [kindCount]floodCount
}

// floodCount limits the lines of one client-caused kind of event.
type floodCount struct {
	second     int64  // the Unix second that lines counts
	lines      int    // written in that second
	suppressed uint64 // left out since the last report
}

// Open starts the log's writers. It never fails: if the file cannot be opened
// now, that is told on stderr and tried again every second.
func Open(o Options) *Log {
	l := &Log{level: o.Level}
	if l.level == nil {
		l.level = new(slog.LevelVar)
	}
	if o.Stderr != nil {
		l.stderr = newSink(&textOutput{w: o.Stderr, journal: o.Journal}, stderrBufferBytes, 0)
		go l.stderr.run()
	}
	out, capacity := newOutput(o)
	if f, ok := out.(*fileOutput); ok {
		l.path = f.path()
	}
	l.file = newSink(out, capacity, batchDelay)
	l.file.report = l.report
	l.file.onState = l.fileState
	go l.file.run()
	return l
}

// newOutput is where o wants lines kept, and how many bytes of them may wait.
func newOutput(o Options) (output, int) {
	if o.Dir == "" {
		return nowhere{}, minBufferBytes
	}
	out := &fileOutput{fs: o.FS, dir: o.Dir, maxBytes: o.FileBytes, keep: max(o.KeepFiles, 0)}
	if out.fs == nil {
		out.fs = diskFS{}
	}
	if out.maxBytes <= 0 {
		out.maxBytes = DefaultFileBytes
	}
	if o.KeepFiles == 0 {
		out.keep = DefaultKeepFiles
	}
	capacity := o.BufferBytes
	if capacity == 0 {
		capacity = DefaultBufferBytes
	}
	return out, max(capacity, minBufferBytes)
}

// nowhere is the output of a Log without a file.
type nowhere struct{}

func (nowhere) write(lines []byte) (int, error) { return len(lines), nil }

func (nowhere) close() error { return nil }

// Path is the current log file; empty without one.
func (l *Log) Path() string {
	if l == nil {
		return ""
	}
	return l.path
}

// Dropped is the number of lines of the file lost since the start: the disk
// was full, failing or slow for longer than the buffer lasts.
func (l *Log) Dropped() uint64 {
	if l == nil {
		return 0
	}
	return l.file.dropped.Load()
}

// Err is why the file cannot be written at the moment, nil if it can.
func (l *Log) Err() error {
	if l == nil {
		return nil
	}
	return l.file.failing.Load()
}

// Close writes what is buffered, trying once, and ends the writers. It waits
// for them until ctx ends; an error means that lines were lost. Later events
// are dropped.
func (l *Log) Close(ctx context.Context) error {
	if l == nil {
		return nil
	}
	err := l.file.close(ctx)
	if l.stderr != nil {
		// Last, for it may still have to tell what became of the file.
		err = errors.Join(err, l.stderr.close(ctx))
	}
	return err
}

// report appends the lines that tell what was left out. The file sink calls it
// with its lock held.
func (l *Log) report(buf []byte, dropped uint64) []byte {
	if dropped > 0 {
		buf = l.summary(buf, "log_dropped", "", dropped)
	}
	for k := range l.flood {
		if f := &l.flood[k]; f.suppressed > 0 {
			buf = l.summary(buf, "log_suppressed", kinds[k].name, f.suppressed)
			f.suppressed = 0
		}
	}
	return buf
}

func (l *Log) summary(buf []byte, msg, event string, count uint64) []byte {
	n := line{b: append(buf, '{')}
	n.b = append(n.b, activityField...)
	n.num(`"count":`, int64(count))
	n.str(`"event":"`, event)
	n.b = append(n.b, `"level":"warn",`...)
	n.str(`"msg":"`, msg)
	n.time(&l.stamp, time.Now().UnixNano())
	return n.end()
}

// fileState tells people that the log stopped or resumed. It goes to stderr
// alone, for the file is what fails.
func (l *Log) fileState(err error, dropped uint64) {
	if l.stderr == nil {
		return
	}
	r := slog.NewRecord(time.Now(), slog.LevelWarn, "activity log is written again", 0)
	r.AddAttrs(slog.Uint64("dropped", dropped), slog.String("path", l.path))
	if err != nil {
		r.Level, r.Message = slog.LevelError, "activity log cannot be written; serving goes on"
		r.AddAttrs(slog.String("error", err.Error()))
	}
	if l.enabled(r.Level) {
		l.stderr.add(encodeRecord(nil, r, nil, ""))
	}
}

func (l *Log) enabled(level slog.Level) bool { return level >= l.level.Level() }
