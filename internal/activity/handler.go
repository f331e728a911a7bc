package activity

import (
	"cmp"
	"context"
	"encoding"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"inferd/internal/redact"
)

// Handler is an slog handler that writes to the log's file and to stderr.
//
// The attribute "component" names the part of the daemon that speaks. Groups
// become dotted keys. Values are redacted by their name and by their shape.
func (l *Log) Handler() slog.Handler { return &handler{log: l} }

// Logger is an slog logger for one component.
func (l *Log) Logger(component string) *slog.Logger {
	if l == nil {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(l.Handler()).With(slog.String(componentKey, component))
}

const (
	componentKey     = "component"
	defaultComponent = "daemon"
)

// handler is immutable; WithAttrs and WithGroup return changed copies.
type handler struct {
	log    *Log
	fields []field // of WithAttrs, flattened and encoded
	prefix string  // of WithGroup, each group with its dot
}

// field is one encoded member of a line.
type field struct {
	key   string
	value []byte // JSON
}

func (h *handler) Enabled(_ context.Context, level slog.Level) bool {
	return h.log != nil && h.log.enabled(level)
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	fields := slices.Clone(h.fields)
	for _, a := range attrs {
		fields = appendAttr(fields, h.prefix, a)
	}
	return &handler{h.log, fields, h.prefix}
}

func (h *handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return &handler{h.log, h.fields, h.prefix + name + "."}
}

// Handle encodes r once; stderr's writer makes it readable.
func (h *handler) Handle(_ context.Context, r slog.Record) error {
	encoded := encodeRecord(nil, r, h.fields, h.prefix)
	if h.log.stderr != nil {
		h.log.stderr.add(encoded)
	}
	h.log.file.add(encoded)
	return nil
}

// encodeRecord appends r as one line with sorted keys. Attributes that would
// make the line too long are shortened, and truncated says so.
func encodeRecord(dst []byte, r slog.Record, with []field, prefix string) []byte {
	fields := slices.Clone(with)
	r.Attrs(func(a slog.Attr) bool {
		fields = appendAttr(fields, prefix, a)
		return true
	})
	fields = append(
		fields,
		field{"level", quoted(LevelName(r.Level), maxStringBytes)},
		field{"msg", quoted(r.Message, maxMessageBytes)},
	)
	if !r.Time.IsZero() {
		t := r.Time.UTC().AppendFormat([]byte{'"'}, "2006-01-02T15:04:05.000000+00:00")
		fields = append(fields, field{"t", append(t, '"')})
	}
	if !slices.ContainsFunc(fields, func(f field) bool { return f.key == componentKey }) {
		fields = append(fields, field{componentKey, quoted(defaultComponent, maxStringBytes)})
	}
	fields = fitting(lastOfEach(fields))

	dst = append(dst, '{')
	for i, f := range fields {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, '"')
		dst = appendText(dst, f.key, maxStringBytes)
		dst = append(dst, '"', ':')
		dst = append(dst, f.value...)
	}
	return append(dst, '}', '\n')
}

// lastOfEach sorts fields by key and keeps the last of equal keys.
func lastOfEach(fields []field) []field {
	slices.SortStableFunc(fields, func(a, b field) int { return cmp.Compare(a.key, b.key) })
	out := fields[:0]
	for i, f := range fields {
		if i+1 == len(fields) || fields[i+1].key != f.key {
			out = append(out, f)
		}
	}
	return out
}

// fitting shortens attributes until the line is within maxLineBytes: the long
// ones to an equal share, so that none pushes another out. What cannot be
// shortened, such as a number, is left out. The line's own keys always fit.
func fitting(fields []field) []field {
	room := maxLineBytes - len("{}\n") - len(`"truncated":true,`)
	var sizes []int
	for _, f := range fields {
		room -= 6*min(len(f.key), maxStringBytes) + len(`"":,`)
		if own(f.key) {
			room -= len(f.value)
		} else {
			sizes = append(sizes, len(f.value))
		}
	}
	share, whole := fairShare(sizes, room), true
	out := fields[:0]
	for _, f := range fields {
		if !own(f.key) && len(f.value) > share {
			whole = false
			if f.value = shortened(f.value, share); f.value == nil {
				continue
			}
		}
		out = append(out, f)
	}
	if !whole {
		out = lastOfEach(append(out, field{"truncated", []byte("true")}))
	}
	return out
}

func own(key string) bool {
	return key == "level" || key == "msg" || key == "t" || key == componentKey
}

// fairShare is the size that the largest of sizes must be cut to for all to fit
// into room together. It sorts sizes.
func fairShare(sizes []int, room int) int {
	slices.Sort(sizes)
	for i, size := range sizes {
		if share := room / (len(sizes) - i); size > share {
			return share
		}
		room -= size
	}
	return maxLineBytes
}

// shortened is the JSON string v cut to limit bytes, quotes included, between
// two characters; nil if v is no string or nothing of it would be left. v
// itself, which several records may share, stays as it is.
func shortened(v []byte, limit int) []byte {
	if v[0] != '"' {
		return nil
	}
	end := 1
	for end < len(v)-1 {
		size := 1
		switch {
		case v[end] == '\\' && v[end+1] == 'u':
			size = len(`\u0000`)
		case v[end] == '\\':
			size = len(`\n`)
		case v[end] >= utf8.RuneSelf:
			_, size = utf8.DecodeRune(v[end:])
		}
		if end+size+1 > limit {
			break
		}
		end += size
	}
	if end == 1 {
		return nil
	}
	return append(slices.Clone(v[:end]), '"')
}

func appendAttr(dst []field, prefix string, a slog.Attr) []field {
	a.Value = a.Value.Resolve()
	if a.Equal(slog.Attr{}) {
		return dst
	}
	if a.Value.Kind() == slog.KindGroup {
		if a.Key != "" {
			prefix += a.Key + "."
		}
		for _, member := range a.Value.Group() {
			dst = appendAttr(dst, prefix, member)
		}
		return dst
	}
	key := prefix + a.Key
	if key == "level" || key == "msg" || key == "t" {
		key = "attr_" + key
	}
	return append(dst, field{key, encodeValue(key, a.Value)})
}

func encodeValue(key string, v slog.Value) []byte {
	switch v.Kind() {
	case slog.KindBool:
		return strconv.AppendBool(nil, v.Bool())
	case slog.KindInt64:
		return strconv.AppendInt(nil, v.Int64(), 10)
	case slog.KindUint64:
		return strconv.AppendUint(nil, v.Uint64(), 10)
	case slog.KindFloat64:
		if f := v.Float64(); !math.IsNaN(f) && !math.IsInf(f, 0) {
			return strconv.AppendFloat(nil, f, 'g', -1, 64)
		}
	case slog.KindTime:
		return quoted(v.Time().Format(time.RFC3339Nano), maxStringBytes)
	}
	return quoted(redact.Field(key, text(v)), maxValueBytes)
}

// text is v as people read it. A value that panics while it describes itself
// must not take the daemon with it.
func text(v slog.Value) (s string) {
	defer func() {
		if p := recover(); p != nil {
			s = fmt.Sprintf("!PANIC: %v", p)
		}
	}()
	if m, ok := v.Any().(encoding.TextMarshaler); ok {
		if b, err := m.MarshalText(); err == nil {
			return string(b)
		}
	}
	return v.String()
}

func quoted(s string, limit int) []byte {
	return append(appendText([]byte{'"'}, s, limit), '"')
}
