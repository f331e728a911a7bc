package config

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// report collects the problems of one file.
type report struct {
	problems []problem
}

func (r *report) add(line int, format string, args ...any) {
	r.problems = append(r.problems, problem{line, fmt.Sprintf(format, args...)})
}

// err makes one error of everything found, in the order of the lines.
func (r *report) err(file string) error {
	if len(r.problems) == 0 {
		return nil
	}
	slices.SortFunc(r.problems, func(a, b problem) int {
		return cmp.Or(cmp.Compare(a.line, b.line), cmp.Compare(a.text, b.text))
	})
	var text strings.Builder
	for i, p := range r.problems {
		if i == maxProblems {
			fmt.Fprintf(&text, "\nand %d more", len(r.problems)-maxProblems)
			break
		}
		if i > 0 {
			text.WriteByte('\n')
		}
		fmt.Fprintf(&text, "config %s:%d: %s", file, p.line, p.text)
	}
	return &UsageError{Text: text.String()}
}

// object reads the keys of one JSON object. Whatever is asked for is allowed;
// done reports the keys that nobody asked for.
type object struct {
	path    string // in front of a key in errors, e.g. "backends[1]."
	line    int
	fields  map[string]member
	allowed []string
	rep     *report
}

// objectOf wraps n; if it is no object, that is reported and the result is
// empty, so that the caller needs no branch.
func objectOf(n *node, path string, rep *report) *object {
	o := &object{path: path, line: n.line, rep: rep, fields: make(map[string]member)}
	if !n.isObj {
		rep.add(n.line, "%swant an object, got %s", o.label(""), n.what())
	}
	for _, m := range n.fields {
		o.fields[m.key] = m
	}
	return o
}

// label is the full name of key in errors.
func (o *object) label(key string) string {
	name := strings.TrimSuffix(o.path+key, ".")
	if name == "" {
		return ""
	}
	return name + ": "
}

// fail reports a problem with the value of key, or with the object if it lacks
// the key.
func (o *object) fail(key, format string, args ...any) {
	line := o.line
	if m, ok := o.fields[key]; ok {
		line = m.line
	}
	o.rep.add(line, "%s%s", o.label(key), fmt.Sprintf(format, args...))
}

// get marks key as allowed and returns its value, nil if absent or null.
func (o *object) get(key string) *node {
	o.allowed = append(o.allowed, key)
	m, ok := o.fields[key]
	if !ok || m.val.value == nil && !m.val.isObj && !m.val.isArr {
		return nil
	}
	return m.val
}

func (o *object) has(key string) bool {
	_, ok := o.fields[key]
	return ok
}

func (o *object) mismatch(key, want string, n *node) {
	o.fail(key, "want %s, got %s", want, n.what())
}

// str reads an optional string.
func (o *object) str(key string, into *string) {
	n := o.get(key)
	if n == nil {
		return
	}
	s, ok := n.value.(string)
	switch {
	case !ok:
		o.mismatch(key, "a string", n)
	case strings.ContainsRune(s, 0):
		o.fail(key, "contains a NUL byte")
	default:
		*into = s
	}
}

// need is str for a key that must be there and not blank.
func (o *object) need(key string, into *string) {
	n := o.get(key)
	if n == nil {
		o.fail(key, "must not be empty")
		return
	}
	before := len(o.rep.problems)
	o.str(key, into)
	if len(o.rep.problems) == before && strings.TrimSpace(*into) == "" {
		o.fail(key, "must not be empty")
	}
}

// text is need for a key that may be left out.
func (o *object) text(key string, into *string) {
	if o.has(key) {
		o.need(key, into)
		return
	}
	o.allowed = append(o.allowed, key)
}

// boolean reads an optional bool.
func (o *object) boolean(key string, into *bool) {
	n := o.get(key)
	if n == nil {
		return
	}
	v, ok := n.value.(bool)
	if !ok {
		o.mismatch(key, "true or false", n)
		return
	}
	*into = v
}

// integer reads an optional whole number within bounds.
func (o *object) integer(key string, into *int, low, high int64) {
	if n := o.get(key); n != nil {
		if v, ok := o.whole(key, n, low, high); ok {
			*into = int(v)
		}
	}
}

// duration reads a duration, as key in Go's form or as key_secs in seconds.
func (o *object) duration(key string, into *time.Duration, least time.Duration) {
	n, name := o.get(key), key
	if secs := o.get(key + "_secs"); secs != nil {
		if n != nil {
			o.fail(key+"_secs", "%s is given too: keep one of them", key)
		}
		name = key + "_secs"
		v, ok := o.whole(name, secs, 0, int64(maxDuration/time.Second))
		if !ok {
			return
		}
		*into = time.Duration(v) * time.Second
	} else if n != nil {
		text, ok := n.value.(string)
		if !ok {
			o.mismatch(key, kindDuration.wants(), n)
			return
		}
		d, err := parseDuration(text)
		if err != nil {
			o.fail(key, "%q is not %s", text, kindDuration.wants())
			return
		}
		*into = d
	} else {
		return
	}
	if *into < least || *into > maxDuration {
		o.fail(name, "must be between %s and %s", formatDuration(least), formatDuration(maxDuration))
	}
}

func (o *object) whole(key string, n *node, low, high int64) (int64, bool) {
	num, ok := n.value.(json.Number)
	if !ok {
		o.mismatch(key, "a whole number", n)
		return 0, false
	}
	v, err := strconv.ParseInt(string(num), 10, 64)
	if err != nil {
		o.fail(key, "%s is not a whole number", printable(string(num)))
		return 0, false
	}
	if v < low || v > high {
		if high == math.MaxInt64 {
			o.fail(key, "must be at least %d", low)
		} else {
			o.fail(key, "must be between %d and %d", low, high)
		}
		return 0, false
	}
	return v, true
}

// setting reads a value that is also a flag, as the text that the flag would
// be given; ok is false if it is absent or wrong.
func (o *object) setting(s *setting, key string) (text string, ok bool) {
	n := o.get(key)
	if n == nil {
		return "", false
	}
	switch v := n.value.(type) {
	case string:
		text, ok = v, s.kind != kindBool && s.kind != kindInt
	case bool:
		text, ok = strconv.FormatBool(v), s.kind == kindBool
	case json.Number:
		text, ok = string(v), s.kind == kindInt || s.kind == kindSize
	case nil:
		text, ok = idText(n)
		ok = ok && s.kind == kindIDs
	}
	if !ok {
		o.mismatch(key, s.kind.wants(), n)
		return "", false
	}
	if err := s.assign(new(Config), text); err != nil {
		o.fail(key, "%v", err)
		return "", false
	}
	return text, true
}

// idText joins an array of numbers with commas.
func idText(n *node) (string, bool) {
	ids := make([]string, 0, len(n.items))
	for _, item := range n.items {
		num, ok := item.value.(json.Number)
		if !ok {
			return "", false
		}
		ids = append(ids, string(num))
	}
	return strings.Join(ids, ","), n.isArr
}

// done reports the keys that nothing has asked for. The first of them tells what
// is allowed; said again for each it would bury the other problems.
func (o *object) done() {
	var unknown []member
	for key, m := range o.fields {
		switch {
		case slices.Contains(o.allowed, key):
		case key == "api_key" || key == "openai_api_key":
			o.rep.add(m.line, "%s%s: no secret may stand in this file: name an environment "+
				"variable in listen.api_key_env or in a backend's api_key_env", o.path, key)
		default:
			unknown = append(unknown, m)
		}
	}
	slices.SortFunc(unknown, func(a, b member) int {
		return cmp.Or(cmp.Compare(a.line, b.line), cmp.Compare(a.key, b.key))
	})
	for i, m := range unknown {
		allowed := ""
		if i == 0 {
			slices.Sort(o.allowed)
			allowed = "; allowed: " + strings.Join(slices.Compact(o.allowed), ", ")
		}
		o.rep.add(m.line, "%s%s: unknown key%s", o.path, printable(m.key), allowed)
	}
}
