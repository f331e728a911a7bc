package chat

import (
	"errors"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	minijinja "github.com/mitsuhiko/minijinja/minijinja-go/v2"
	"github.com/mitsuhiko/minijinja/minijinja-go/v2/value"
)

// raisedMark precedes what a template says with raise_exception.
const raisedMark = "raised: "

// method is a Python method of strings or dicts as a filter.
type method func(v value.Value, args []value.Value) (value.Value, error)

// methodPrefix keeps the filters apart from Jinja's own of the same name.
const methodPrefix = "py_"

// methods are those that published templates call.
var methods = map[string]method{
	"startswith": stringTest(strings.HasPrefix),
	"endswith":   stringTest(strings.HasSuffix),
	"strip":      trimmer(strings.Trim, strings.TrimFunc),
	"lstrip":     trimmer(strings.TrimLeft, strings.TrimLeftFunc),
	"rstrip":     trimmer(strings.TrimRight, strings.TrimRightFunc),
	"upper":      stringMap(strings.ToUpper),
	"lower":      stringMap(strings.ToLower),
	"capitalize": stringMap(func(s string) string {
		_, n := utf8.DecodeRuneInString(s)
		return strings.ToUpper(s[:n]) + strings.ToLower(s[n:])
	}),
	"title":   stringMap(title),
	"isdigit": stringIs(unicode.IsDigit),
	"isalpha": stringIs(unicode.IsLetter),
	"split":   splitMethod,
	"splitlines": func(v value.Value, _ []value.Value) (value.Value, error) {
		s, ok := v.AsString()
		if !ok {
			return value.Undefined(), errMethod
		}
		if s = strings.TrimSuffix(strings.ReplaceAll(s, "\r\n", "\n"), "\n"); s == "" {
			return value.FromSlice([]value.Value{}), nil
		}
		return splitMethod(value.FromString(s), []value.Value{value.FromString("\n")})
	},
	"join":         joinMethod,
	"replace":      replaceMethod,
	"removeprefix": stringCut(strings.TrimPrefix),
	"removesuffix": stringCut(strings.TrimSuffix),
	"get":          getMethod,
	"items":        itemsMethod,
	"keys": func(v value.Value, _ []value.Value) (value.Value, error) {
		return value.FromSlice(append([]value.Value{}, v.Iter()...)), nil
	},
	"values": func(v value.Value, _ []value.Value) (value.Value, error) {
		out := []value.Value{}
		for _, k := range v.Iter() {
			out = append(out, v.GetItem(k))
		}
		return value.FromSlice(out), nil
	},
}

// eachName is the filter that every loop's sequence goes through.
const eachName = "each"

// each makes an empty sequence one that the library can loop over: it takes what its own
// slices and filters give for empty, a nil slice, for something that is no sequence.
func each(v value.Value) value.Value {
	if n, ok := v.Len(); ok && n == 0 {
		return value.FromSlice([]value.Value{})
	}
	return v
}

var errMethod = errors.New("method called with arguments it does not take")

func addMethods(env *minijinja.Environment) {
	for name, m := range methods {
		env.AddFilter(methodPrefix+name, func(_ minijinja.FilterState, v value.Value,
			args []value.Value, _ map[string]value.Value,
		) (value.Value, error) {
			return m(v, args)
		})
	}
	env.AddFilter(methodPrefix+eachName, func(_ minijinja.FilterState, v value.Value,
		_ []value.Value, _ map[string]value.Value,
	) (value.Value, error) {
		return each(v), nil
	})
	env.AddFunction("raise_exception", func(_ *minijinja.State, args []value.Value,
		_ map[string]value.Value,
	) (value.Value, error) {
		if len(args) == 0 {
			return value.Undefined(), errors.New(raisedMark)
		}
		return value.Undefined(), errors.New(raisedMark + args[0].String())
	})
	env.AddFunction("strftime_now", func(_ *minijinja.State, args []value.Value,
		_ map[string]value.Value,
	) (value.Value, error) {
		if len(args) != 1 {
			return value.Undefined(), errMethod
		}
		return value.FromString(strftime(time.Now(), args[0].String())), nil
	})
}

// withText is a method that takes one string.
func withText(f func(s, x string) value.Value) method {
	return func(v value.Value, args []value.Value) (value.Value, error) {
		s, ok := v.AsString()
		if !ok || len(args) != 1 {
			return value.Undefined(), errMethod
		}
		x, ok := args[0].AsString()
		if !ok {
			return value.Undefined(), errMethod
		}
		return f(s, x), nil
	}
}

func stringTest(f func(s, x string) bool) method {
	return withText(func(s, x string) value.Value { return value.FromBool(f(s, x)) })
}

func stringCut(f func(s, x string) string) method {
	return withText(func(s, x string) value.Value { return value.FromString(f(s, x)) })
}

func stringIs(test func(rune) bool) method {
	return func(v value.Value, _ []value.Value) (value.Value, error) {
		s, ok := v.AsString()
		if !ok {
			return value.Undefined(), errMethod
		}
		not := func(r rune) bool { return !test(r) }
		return value.FromBool(s != "" && !strings.ContainsFunc(s, not)), nil
	}
}

// joinMethod: the separator has the method, in Python.
func joinMethod(v value.Value, args []value.Value) (value.Value, error) {
	sep, ok := v.AsString()
	if !ok || len(args) != 1 {
		return value.Undefined(), errMethod
	}
	var parts []string
	for _, item := range args[0].Iter() {
		s, ok := item.AsString()
		if !ok {
			return value.Undefined(), errMethod
		}
		parts = append(parts, s)
	}
	return value.FromString(strings.Join(parts, sep)), nil
}

func stringMap(f func(string) string) method {
	return func(v value.Value, _ []value.Value) (value.Value, error) {
		s, ok := v.AsString()
		if !ok {
			return value.Undefined(), errMethod
		}
		return value.FromString(f(s)), nil
	}
}

func trimmer(cut func(s, set string) string, space func(string, func(rune) bool) string) method {
	return func(v value.Value, args []value.Value) (value.Value, error) {
		s, ok := v.AsString()
		if !ok {
			return value.Undefined(), errMethod
		}
		if len(args) == 0 {
			return value.FromString(space(s, unicode.IsSpace)), nil
		}
		set, ok := args[0].AsString()
		if !ok {
			return value.Undefined(), errMethod
		}
		return value.FromString(cut(s, set)), nil
	}
}

// title begins every word with a capital, as Python does: a word is a run of
// letters.
func title(s string) string {
	inWord := false
	return strings.Map(func(r rune) rune {
		before := inWord
		if inWord = unicode.IsLetter(r); before {
			return unicode.ToLower(r)
		}
		return unicode.ToUpper(r)
	}, s)
}

func splitMethod(v value.Value, args []value.Value) (value.Value, error) {
	s, ok := v.AsString()
	if !ok {
		return value.Undefined(), errMethod
	}
	var parts []string
	switch len(args) {
	case 0:
		parts = strings.Fields(s)
	case 1, 2:
		sep, ok := args[0].AsString()
		if !ok || sep == "" {
			return value.Undefined(), errMethod
		}
		limit := -1
		if len(args) == 2 {
			n, ok := args[1].AsInt()
			if !ok {
				return value.Undefined(), errMethod
			}
			if n >= 0 {
				limit = int(n) + 1
			}
		}
		parts = strings.SplitN(s, sep, limit)
	default:
		return value.Undefined(), errMethod
	}
	out := make([]value.Value, len(parts))
	for i, p := range parts {
		out[i] = value.FromString(p)
	}
	return value.FromSlice(out), nil
}

func replaceMethod(v value.Value, args []value.Value) (value.Value, error) {
	s, ok := v.AsString()
	if !ok || len(args) < 2 || len(args) > 3 {
		return value.Undefined(), errMethod
	}
	most := int64(-1)
	if len(args) == 3 {
		if most, ok = args[2].AsInt(); !ok {
			return value.Undefined(), errMethod
		}
	}
	return value.FromString(strings.Replace(s, args[0].String(), args[1].String(), int(most))), nil
}

func getMethod(v value.Value, args []value.Value) (value.Value, error) {
	if len(args) < 1 || len(args) > 2 {
		return value.Undefined(), errMethod
	}
	if item := v.GetItem(args[0]); !item.IsUndefined() {
		return item, nil
	}
	if len(args) == 2 {
		return args[1], nil
	}
	return value.None(), nil
}

func itemsMethod(v value.Value, _ []value.Value) (value.Value, error) {
	out := []value.Value{}
	for _, k := range v.Iter() {
		out = append(out, value.FromSlice([]value.Value{k, v.GetItem(k)}))
	}
	return value.FromSlice(out), nil
}

// strftime knows the directives that templates use for today's date.
func strftime(now time.Time, format string) string {
	layouts := map[byte]string{
		'd': "02", 'm': "01", 'Y': "2006", 'y': "06", 'b': "Jan", 'B': "January",
		'a': "Mon", 'A': "Monday", 'H': "15", 'I': "03", 'M': "04", 'S': "05", 'p': "PM",
	}
	var out strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			out.WriteByte(format[i])
			continue
		}
		i++
		if layout, ok := layouts[format[i]]; ok {
			out.WriteString(now.Format(layout))
		} else {
			out.WriteByte(format[i])
		}
	}
	return out.String()
}
