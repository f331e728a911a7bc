package activity

import (
	"log/slog"
	"strconv"
	"time"
)

const activityField = `"component":"activity",`

// line builds one NDJSON line in place, at the end of the sink's buffer. Every
// field ends with a comma; end turns the last one into the closing brace. The
// callers keep the keys in alphabetical order.
//
// A key is given with its quotes, its colon and, for text, the opening quote of
// the value, so that a field is two copies.
type line struct {
	b     []byte
	start int
	now   int64 // Unix nanoseconds
}

// str appends a text field, unless it is empty.
func (n *line) str(key, value string) {
	if value == "" {
		return
	}
	n.b = append(n.b, key...)
	n.b = appendText(n.b, value, maxStringBytes)
	n.b = append(n.b, '"', ',')
}

// text appends a text field that is encoded already, unless it is empty.
func (n *line) text(key string, value Text) {
	if value == "" {
		return
	}
	n.b = append(n.b, key...)
	n.b = append(n.b, value...)
	n.b = append(n.b, '"', ',')
}

func (n *line) num(key string, value int64) {
	n.b = append(n.b, key...)
	n.b = strconv.AppendInt(n.b, value, 10)
	n.b = append(n.b, ',')
}

// conn appends the component and the connection's number, unless that is unknown.
func (n *line) conn(id uint64) {
	if id == 0 {
		n.b = append(n.b, activityField...)
		return
	}
	n.num(activityField+`"conn":`, int64(id))
}

func (n *line) millis(key string, d time.Duration) {
	n.b = append(n.b, key...)
	n.b = appendMillis(n.b, d)
	n.b = append(n.b, ',')
}

func (n *line) stop(reason string) {
	n.b = append(n.b, `"stop_reason":"`...)
	n.b = appendStop(n.b, reason)
	n.b = append(n.b, '"', ',')
}

func (n *line) level(k kind) {
	n.b = append(n.b, `"level":"`...)
	n.b = append(n.b, LevelName(kinds[k].level)...)
	n.b = append(n.b, '"', ',')
}

func (n *line) msg(k kind, w Wire) {
	n.b = append(n.b, `"msg":"`...)
	if int(w) < len(wirePrefix) {
		n.b = append(n.b, wirePrefix[w]...)
	}
	n.b = append(n.b, kinds[k].name...)
	n.b = append(n.b, '"', ',')
}

// name appends level and msg, which are neighbours unless there is a limit.
func (n *line) name(k kind, w Wire) {
	if int(w) >= len(wirePrefix) {
		w = V1
	}
	n.b = append(n.b, names[k][w]...)
}

// names has what name appends.
var names = func() (all [kindCount][len(wirePrefix)]string) {
	for k := range all {
		for w := range all[k] {
			var n line
			n.level(kind(k))
			n.msg(kind(k), Wire(w))
			all[k][w] = string(n.b)
		}
	}
	return all
}()

func (n *line) wire(w Wire) {
	if int(w) < len(wireVersion) {
		n.str(`"wire_version":"`, wireVersion[w])
	}
}

func (n *line) time(s *stamp, now int64) {
	n.b = append(n.b, `"t":"`...)
	n.b = s.append(n.b, now)
	n.b = append(n.b, '"', ',')
}

func (n *line) end() []byte {
	n.b[len(n.b)-1] = '}'
	return append(n.b, '\n')
}

// begins decides whether an event of kind k is logged. If so it returns with
// the file's lock held, which finish gives back.
func (l *Log) begins(k kind) bool { return l.beginsAt(k, 0) }

// beginsAt is begins for an event that happened at a moment of a monotonic clock,
// 0 for now.
func (l *Log) beginsAt(k kind, at int64) bool {
	if l == nil || !l.enabled(kinds[k].level) {
		return false
	}
	var now int64
	if at == 0 {
		now = time.Now().UnixNano()
	}
	l.file.mu.Lock()
	if at != 0 {
		now = l.wall.at(at)
	}
	l.now = now
	limit := cap(l.file.buf)
	if kinds[k].flood {
		limit -= limit / 4
		if l.suppressed(&l.flood[k]) {
			l.file.mu.Unlock()
			return false
		}
	}
	if !l.file.room(limit) {
		l.file.mu.Unlock()
		return false
	}
	return true
}

// suppressed counts one more client-caused event and reports whether there
// were too many of its kind in this second.
func (l *Log) suppressed(f *floodCount) bool {
	if sec := l.now / int64(time.Second); sec != f.second {
		f.second, f.lines = sec, 0
	}
	if f.lines < floodLinesPerSecond {
		f.lines++
		return false
	}
	if f.suppressed == 0 {
		signal(l.file.wake) // the writer reports it at its next turn
	}
	f.suppressed++
	return true
}

func (l *Log) line() line {
	return line{b: append(l.file.buf, '{'), start: len(l.file.buf), now: l.now}
}

// finish ends the line that n builds and gives the lock back. People see what
// is a warning and not a client's doing, and at level debug everything.
func (l *Log) finish(k kind, n line) {
	b := n.end()
	if l.stderr != nil {
		loud := kinds[k].level >= slog.LevelWarn && !kinds[k].flood
		if loud || l.enabled(slog.LevelDebug) {
			l.stderr.add(b[n.start:])
		}
	}
	l.file.commit(b)
	l.file.mu.Unlock()
}
