package activity

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// textOutput turns NDJSON lines into compact ones for people. It is owned by
// the stderr writer goroutine.
type textOutput struct {
	w       io.Writer
	journal bool // which has its own times and levels, see Options.Journal
	buf     []byte
}

// write never asks for a second try: a stderr that is gone stays gone.
func (o *textOutput) write(lines []byte) (int, error) {
	o.buf = o.buf[:0]
	for l := range bytes.Lines(lines) {
		o.buf = appendHuman(o.buf, l, o.journal)
	}
	_, err := o.w.Write(o.buf)
	_ = err // there is no further place to tell it
	return len(lines), nil
}

func (o *textOutput) close() error { return nil }

// appendHuman appends the NDJSON line as
//
//	2026-05-21T10:00:00.123Z INFO  component: message key=value key="two words"
//
// with the keys in alphabetical order. The daemon's own lines go without their
// component, lines for the journal with a priority in place of time and level.
func appendHuman(dst, ndjson []byte, journal bool) []byte {
	var m map[string]any
	d := json.NewDecoder(bytes.NewReader(ndjson))
	d.UseNumber()
	if err := d.Decode(&m); err != nil {
		return append(dst, ndjson...) // not ours; show it as it is
	}
	take := func(key string) string {
		s, _ := m[key].(string)
		delete(m, key)
		return s
	}
	at, level := take("t"), take("level")
	if journal {
		dst = append(dst, priorities[level]...)
	} else {
		if t, err := time.Parse(time.RFC3339Nano, at); err == nil {
			dst = t.UTC().AppendFormat(dst, "2006-01-02T15:04:05.000Z ")
		}
		dst = fmt.Appendf(dst, "%-5s ", strings.ToUpper(level))
	}
	if c := take(componentKey); c != defaultComponent {
		dst = append(dst, c...)
		dst = append(dst, ": "...)
	}
	dst = append(dst, printable(take("msg"))...)
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		dst = append(dst, ' ')
		dst = append(dst, printable(k)...)
		dst = append(dst, '=')
		v := fmt.Sprint(m[k])
		if v == "" || strings.ContainsAny(v, ` "=`) || printable(v) != v {
			v = strconv.Quote(v)
		}
		dst = append(dst, v...)
	}
	return append(dst, '\n')
}

// priorities are the journal's, by level.
var priorities = map[string]string{"debug": "<7>", "info": "<6>", "warn": "<4>", "error": "<3>"}

// printable keeps terminal control sequences and line breaks out of a message.
func printable(s string) string {
	if quoted := strconv.Quote(s); len(quoted) != len(s)+2 {
		return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
	}
	return s
}
