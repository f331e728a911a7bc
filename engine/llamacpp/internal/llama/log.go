package llama

import (
	"strings"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"
	"go.uber.org/atomic"
)

// LogLevel is ggml's.
type LogLevel int32

// The levels of ggml_log_level that matter here.
const (
	LogDebug LogLevel = 1
	LogInfo  LogLevel = 2
	LogWarn  LogLevel = 3
	LogError LogLevel = 4
)

// logCont continues the line before.
const logCont LogLevel = 5

// logSink receives whole lines. Native threads call it, several at a time.
var logSink struct {
	sync.Mutex
	fn    func(level LogLevel, line string)
	level LogLevel
	line  strings.Builder
}

// logAborted says that a step is being given up on demand. The library reports
// that as errors, several lines each time; any client that leaves could fill the
// log with them.
var logAborted atomic.Bool

// SetLog directs the native log of the process to fn, one line a call without
// its newline; nil discards. The lines may hold paths of models, never text of
// requests.
func SetLog(fn func(level LogLevel, line string)) {
	logSink.Lock()
	defer logSink.Unlock()
	logSink.fn = fn
}

// logCallback makes the C callback; callbacks are never freed, so one is shared.
var logCallback = sync.OnceValue(func() uintptr {
	return purego.NewCallback(func(level int32, text *byte, _ uintptr) {
		writeLog(LogLevel(level), goString(text, maxLogLineBytes))
	})
})

// writeLog assembles lines: the library ends only the last piece of one with a
// newline.
func writeLog(level LogLevel, text string) {
	if logAborted.Load() {
		return
	}
	logSink.Lock()
	defer logSink.Unlock()
	if logSink.fn == nil {
		return
	}
	if level != logCont {
		logSink.level = level
	}
	head, ended := strings.CutSuffix(text, "\n")
	if logSink.line.Len()+len(head) <= maxLogLineBytes {
		logSink.line.WriteString(head)
	}
	if !ended {
		return
	}
	if line := strings.TrimSpace(logSink.line.String()); strings.Trim(line, ".") != "" {
		logSink.fn(logSink.level, line)
	}
	logSink.line.Reset()
}

// goString copies a C string, or the first limit bytes of a longer one.
//
// unsafe: it reads p up to its NUL and not beyond, which the library owes it, nor
// beyond limit; the caller's call keeps the string in place.
func goString(p *byte, limit int) string {
	if p == nil {
		return ""
	}
	n := 0
	for n < limit && *(*byte)(unsafe.Add(unsafe.Pointer(p), n)) != 0 {
		n++
	}
	return string(unsafe.Slice(p, n))
}
