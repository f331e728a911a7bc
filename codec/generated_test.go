package codec

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// lineMaker writes request lines that are right but for a slip now and then, which
// random bytes hardly ever are.
type lineMaker struct {
	rand *rand.Rand
	b    strings.Builder
	slip int // one in so many choices goes wrong
}

func (m *lineMaker) pick(from ...string) string { return from[m.rand.IntN(len(from))] }
func (m *lineMaker) slips() bool                { return m.rand.IntN(m.slip) == 0 }

func (m *lineMaker) put(s string) {
	if m.slips() {
		s = m.pick("", s+s, "\x00", ",", `"`, "}", "]", "0", "null", `\`, "\xff", "{",
			s[:len(s)/2])
	}
	m.b.WriteString(s)
	if m.rand.IntN(8) == 0 {
		m.b.WriteString(m.pick(" ", "\t", "\r", "\n", "  "))
	}
}

func (m *lineMaker) str() string {
	var b strings.Builder
	for range m.rand.IntN(4) {
		b.WriteString(m.pick("a", "text", "a longer run of plain text, more than a word", "é", "日本語",
			"😀", `\n`, `\"`, `\\`, `\/`, `\u0041`, `\u00e9`, `\ud83d\ude00`, "\x7f"))
		if m.slips() {
			b.WriteString(m.pick(`\ud800`, `\udc00`, `\x`, `\u12`, "\n", "\xc0", "\xed\xa0\x80", `"`))
		}
	}
	return `"` + b.String() + `"`
}

func (m *lineMaker) value(depth int) {
	if m.slips() {
		depth = 0
	}
	switch n := m.rand.IntN(8); {
	case n < 2 && depth > 0:
		m.object(m.rand.IntN(3), func() { m.put(m.str()) }, func() { m.value(depth - 1) })
	case n < 4 && depth > 0:
		m.array(m.rand.IntN(3), func() { m.value(depth - 1) })
	case n < 6:
		m.put(m.number())
	case n < 7:
		m.put(m.str())
	default:
		m.put(m.pick("true", "false", "null"))
	}
}

func (m *lineMaker) number() string {
	if m.slips() {
		return m.pick("01", "-", "1.", ".5", "1e", "+1", "1e999", "4294967296", "-0", "64.0", "1e2")
	}
	return m.pick("0", "1", "40", "4294967295", "0.5", "-1.5e3", "1E-2", "70", "null")
}

func (m *lineMaker) object(n int, key, value func()) {
	m.put("{")
	for i := range n {
		if i > 0 {
			m.put(",")
		}
		key()
		m.put(":")
		value()
	}
	m.put("}")
}

func (m *lineMaker) array(n int, element func()) {
	m.put("[")
	for i := range n {
		if i > 0 {
			m.put(",")
		}
		element()
	}
	m.put("]")
}

func (m *lineMaker) message() {
	keys := []string{"role", "content", "x"}
	m.rand.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	var key string
	i := 0
	m.object(len(keys), func() {
		key = keys[i]
		if m.slips() {
			key = m.pick("role", "content", "Role", "r\\u006fle")
		}
		i++
		m.put(`"` + key + `"`)
	}, func() {
		switch key {
		case "role":
			m.put(`"` + m.pick("user", "system", "assistant", "us\\u0065r") + `"`)
		case "content":
			m.put(m.str())
		default:
			m.value(3)
		}
	})
}

// line returns one line.
func (m *lineMaker) line() string {
	m.b.Reset()
	keys := []string{
		"messages", "id", "temperature", "top_p", "top_k", "max_tokens", "stream",
		"image_token_budget", "grammar", "", "x", "ID",
	}
	m.rand.Shuffle(len(keys)-1, func(i, j int) { keys[i+1], keys[j+1] = keys[j+1], keys[i+1] })
	n := 1 + m.rand.IntN(len(keys))
	m.rand.Shuffle(n, func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	var key string
	i := 0
	m.object(n, func() {
		key = keys[i]
		if m.slips() {
			key = keys[m.rand.IntN(n)]
		}
		i++
		m.put(`"` + strings.Replace(key, "s", m.pick("s", `\u0073`), 1) + `"`)
	}, func() {
		switch key {
		case "messages":
			m.array(m.rand.IntN(4), m.message)
		case "id", "grammar":
			m.put(m.str())
		case "temperature", "top_p":
			m.put(m.number())
		case "top_k", "max_tokens", "image_token_budget":
			m.put(m.pick("0", "7", "4294967295", "null", m.number()))
		case "stream":
			m.put(m.pick("true", "false", "null"))
		default:
			m.value(4)
		}
	})
	return m.b.String()
}

func TestDecode_Generated(t *testing.T) {
	const lines = 10_000
	m := &lineMaker{rand: rand.New(rand.NewPCG(1, 2)), slip: 200}
	build, std := NewDecoder(), &Decoder{unquote: goUnquote}
	accepted := 0
	for range lines {
		line := m.line()
		want, refused := refDecode([]byte(line))
		if refused == nil {
			accepted++
		}
		for name, d := range map[string]*Decoder{"build": build, "stdjson": std} {
			got, err := d.Decode(lineOf(line))
			if (err == nil) != (refused == nil) {
				t.Fatalf("%s: %v, reference: %v, on %q", name, err, refused, line)
			}
			if err != nil {
				checkReason(t, []byte(line), err)
			} else if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("%s on %q (-reference +got):\n%s", name, line, diff)
			}
		}
	}
	t.Logf("%d of %d lines are acceptable", accepted, lines)
	if accepted < lines/10 || accepted > lines*9/10 {
		t.Errorf("%d of %d lines are acceptable: the maker is out of balance", accepted, lines)
	}
}
