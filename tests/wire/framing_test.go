package wire

import (
	"strings"
	"testing"

	"inferd/tests/harness"
)

const (
	messages = `"messages":[{"role":"user","content":"x"}]`
	answer   = "mock-response"
)

// nested is an array in an array …, depth times.
func nested(depth int) string {
	return strings.Repeat("[", depth) + strings.Repeat("]", depth)
}

func TestLines_Accepted(t *testing.T) {
	t.Parallel()
	d := harness.StartMock(t)
	f := func(name, input string, ids ...string) {
		t.Helper()
		c := d.Dial(t)
		c.Send(input)
		c.CloseWrite()
		for _, id := range ids {
			got := [2]string{c.Line(), c.Line()}
			if want := [2]string{token(id, answer), done(id, answer, 1)}; got != want {
				t.Errorf("%s:\n got %q\nwant %q", name, got, want)
			}
		}
		if err := c.TryEOF(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		_ = c.Close()
	}

	f("plain", `{"id":"1",`+messages+"}\n", "1")
	f("no id", "{"+messages+"}\n", "")
	f("empty id", `{"id":"",`+messages+"}\n", "")
	f("carriage return", `{"id":"1",`+messages+"}\r\n", "1")
	f("white space around", " \t{ \"id\" :\t\"1\" , "+messages+" } \t\n", "1")
	f("white space inside", "{\"id\":\r\"1\",\t"+messages+"}\n", "1")
	f("nothing at all", "")
	f("blank lines", "\n \n\t\n\r\n{"+messages+"}\n\n", "")
	long := strings.Repeat(" \t\r ", 1<<18)
	f("a long blank line", long+"\n{"+messages+"}\n"+long, "")
	f("long white space around", long+"{"+messages+"}"+long+"\n", "")
	f("no newline at the end", `{"id":"1",`+messages+"}", "1")
	f("several in one write", `{"id":"1",`+messages+"}\n"+`{"id":"2",`+messages+"}\n", "1", "2")
	f("several, the last without newline",
		`{"id":"1",`+messages+"}\n"+`{"id":"2",`+messages+"}", "1", "2")

	f("any order of keys", "{"+messages+`,"id":"1"}`+"\n", "1")
	f("escaped key", `{"\u0069d":"1",`+messages+"}\n", "1")
	f("escaped id", `{"id":"\u0061\/b",`+messages+"}\n", "a/b")
	f("unknown keys", `{"id":"1","n":{"a":[1,null,true]},"messages":[{"role":"user","name":"y",`+
		`"content":"x"}],"Stream":7}`+"\n", "1")
	f("unknown key twice", `{"x":1,"x":2,`+messages+"}\n", "")
	f("a key in another case is unknown", `{"ID":"1","Messages":1,`+messages+"}\n", "")
	f("depth 128", `{"x":`+nested(127)+","+messages+"}\n", "")

	f("null where allowed", `{"temperature":null,"top_p":null,"top_k":null,"max_tokens":null,`+
		`"stream":null,"image_token_budget":null,`+messages+"}\n", "")
	f("the ends of the ranges", `{"top_k":0,"max_tokens":4294967295,"temperature":-1e300,`+
		`"top_p":2,`+messages+"}\n", "")
	f("max_tokens 0 is the backend's business", `{"max_tokens":0,`+messages+"}\n", "")
	f("integer as float", `{"temperature":1,"top_p":0,`+messages+"}\n", "")
	f("empty grammar", `{"grammar":"",`+messages+"}\n", "")
	f("empty content", `{"messages":[{"role":"user","content":""}]}`+"\n", "")
	f("any order of roles", `{"messages":[{"content":"a","role":"assistant"},`+
		`{"role":"assistant","content":"b"},{"role":"system","content":"c"},`+
		`{"role":"system","content":"d"}]}`+"\n", "")
	f("surrogate pair", `{"messages":[{"role":"user","content":"\ud83d\ude00"}]}`+"\n", "")
	f("every field", `{"id":"full","messages":[{"role":"system","content":"be terse"},`+
		`{"role":"user","content":"2+2?"}],"temperature":0.2,"top_p":0.9,"top_k":40,`+
		`"max_tokens":16,"stream":true,"image_token_budget":280,"grammar":"root ::= [0-9]+"}`+
		"\n", "full")
	for _, budget := range []string{"70", "140", "280", "560", "1120"} {
		f("budget "+budget, `{"image_token_budget":`+budget+","+messages+"}\n", "")
	}
}

// marker stands in every refused line and must come back in no answer.
const marker = "mArKeR"

func TestLines_Refused(t *testing.T) {
	t.Parallel()
	d := harness.StartMock(t)
	f := func(name, line string) {
		t.Helper()
		c := d.Dial(t)
		defer c.Close()
		c.Send(line + "\n" + harness.Ask("behind"))
		got, err := c.TryLine()
		const want = `{"type":"error","id":"","code":"invalid_request","message":"decode: `
		if err != nil || !strings.HasPrefix(got, want) || strings.Contains(got, marker) {
			t.Errorf("%s: %q, %v; want %s…", name, got, err, want)
			return
		}
		if err := c.TryEOF(); err != nil {
			t.Errorf("%s: behind the error: %v", name, err)
		}
	}
	// with is a whole request but for what it is given.
	with := func(more string) string { return `{"id":"` + marker + `",` + messages + "," + more + "}" }

	f("not JSON", "{not json "+marker+"}")
	f("a word", marker)
	f("byte order mark", "\ufeff"+with(`"x":1`))
	f("array", `["`+marker+`"]`)
	f("array of a request", "["+with(`"x":1`)+"]")
	f("number", "17")
	f("string", `"`+marker+`"`)
	f("null", "null")
	f("true", "true")
	f("empty object", "{}")
	f("open object", `{"id":"`+marker+`"`)
	f("open string", `{"id":"`+marker)
	f("two objects", with(`"x":1`)+with(`"x":1`))
	f("trailing garbage", with(`"x":1`)+marker)
	f("trailing comma", with(""))
	f("comment", with(`"x":1`)+" // "+marker)
	f("single quotes", "{'id':'"+marker+"'}")
	f("unquoted key", "{id:1}")
	f("depth 129", with(`"x":`+nested(128)))
	f("depth 100,000", with(`"x":`+nested(100_000)))
	f("open depth 100,000", strings.Repeat(`{"x":`, 100_000))

	f("invalid UTF-8 in a value", with("\"x\":\"\xff\""))
	f("invalid UTF-8 in content", `{"messages":[{"role":"user","content":"`+"\xc3"+`"}]}`)
	f("invalid UTF-8 in a key", with("\"\xe2\x82\":1"))
	f("overlong UTF-8", with("\"x\":\"\xc0\xaf\""))
	f("UTF-8 of a surrogate", with("\"x\":\"\xed\xa0\x80\""))
	f("lone high surrogate", with(`"x":"\ud800"`))
	f("lone low surrogate", with(`"x":"\udc00"`))
	f("lone surrogate in a known value", `{"id":"\ud800",`+messages+"}")
	f("raw control character", with("\"x\":\"a\x01b\""))
	f("raw tab in a string", with("\"x\":\"a\tb\""))
	f("NUL between tokens", with("\"x\":\x001"))
	f("invalid escape", with(`"x":"\q"`))
	f("short escape", with(`"x":"\u12"`))

	f("id twice", `{"id":"a","id":"`+marker+`",`+messages+"}")
	f("messages twice", with(messages))
	f("role twice", `{"messages":[{"role":"user","role":"user","content":"x"}]}`)
	f("top_k twice", with(`"top_k":1,"top_k":1`))

	f("no messages", `{"id":"`+marker+`"}`)
	f("messages in another case", `{"Messages":[{"role":"user","content":"x"}]}`)
	f("messages null", `{"messages":null}`)
	f("messages an object", `{"messages":{"role":"user","content":"x"}}`)
	f("messages a string", `{"messages":"`+marker+`"}`)
	f("message a string", `{"messages":["`+marker+`"]}`)
	f("message null", `{"messages":[null]}`)
	f("no role", `{"messages":[{"content":"x"}]}`)
	f("no content", `{"messages":[{"role":"user"}]}`)
	f("unknown role", `{"messages":[{"role":"`+marker+`","content":"x"}]}`)
	f("role in upper case", `{"messages":[{"role":"User","content":"x"}]}`)
	f("tool role", `{"messages":[{"role":"tool","content":"x"}]}`)
	f("role null", `{"messages":[{"role":null,"content":"x"}]}`)
	f("content null", `{"messages":[{"role":"user","content":null}]}`)
	f("content an array", `{"messages":[{"role":"user","content":[{"type":"text","text":"x"}]}]}`)
	f("second message wrong", `{"messages":[{"role":"user","content":"x"},{"role":"user"}]}`)

	f("id null", `{"id":null,`+messages+"}")
	f("id a number", `{"id":1,`+messages+"}")
	f("grammar null", with(`"grammar":null`))
	f("grammar a number", with(`"grammar":1`))
	f("stream a string", with(`"stream":"true"`))
	f("stream a number", with(`"stream":1`))
	f("temperature a string", with(`"temperature":"1"`))
	f("temperature NaN", with(`"temperature":NaN`))
	f("temperature out of range", with(`"temperature":1e400`))
	f("top_p a bool", with(`"top_p":true`))
	f("number with a leading zero", with(`"temperature":01`))
	f("number with a plus", with(`"temperature":+1`))
	f("number without digits", with(`"temperature":-`))
	f("number that ends in a dot", with(`"x":1.`))
	for _, key := range []string{"top_k", "max_tokens", "image_token_budget"} {
		for _, value := range []string{"64.0", "1e2", "-1", "1.5", "4294967296", `"5"`, "[]"} {
			f(key+" "+value, with(`"`+key+`":`+value))
		}
	}
	served(t, d)
}

func TestRequests_Invalid(t *testing.T) {
	t.Parallel()
	d := harness.StartMock(t)
	c := d.Dial(t)
	f := func(line, want string) {
		t.Helper()
		c.Send(line)
		c.Expect(want)
	}
	f(`{"id":"bad","messages":[]}`+"\n", refusal("bad", "invalid_request", noMessages))
	f(`{"messages":[]}`+"\n", refusal("", "invalid_request", noMessages))
	f(`{"id":"both","messages":[],"image_token_budget":999}`+"\n",
		refusal("both", "invalid_request", noMessages))
	for _, budget := range []string{"999", "0", "69", "71", "1121", "4294967295"} {
		f(ask("b", `"image_token_budget":`+budget), refusal("b", "invalid_request",
			"invalid request: image_token_budget "+budget+" not in [70, 140, 280, 560, 1120]"))
	}
	// The connection is as good as before.
	c.Send(harness.Ask("ok"))
	c.Expect(token("ok", answer), done("ok", answer, 1))
}

func TestID_ComesBackVerbatim(t *testing.T) {
	t.Parallel()
	d := harness.StartMock(t)
	c := d.Dial(t)
	f := func(id, want string) {
		t.Helper()
		c.Send(`{"id":"` + id + `",` + messages + "}\n")
		c.Expect(`{"type":"token","id":"`+want+`","content":"`+answer+`"}`,
			`{"type":"done","id":"`+want+`","content":"`+answer+`","usage":{"prompt_tokens":0,`+
				`"completion_tokens":1},"stop_reason":"end","backend":"mock"}`)
	}
	f("<&>", "<&>") // no HTML escapes
	f("naïve 世界 \U0001f600", "naïve 世界 \U0001f600")
	f(`a\"b\\c`, `a\"b\\c`)
	f(`\n\t`, `\n\t`)
	f(`\ud83d\ude00`, "\U0001f600")
	long := strings.Repeat("i", 300_000)
	f(long, long)
}

func TestLines_SplitAnywhere(t *testing.T) {
	t.Parallel()
	d := harness.StartMock(t, "--tcp", "127.0.0.1:0")
	for _, c := range []*harness.Conn{d.Dial(t), d.DialTCP(t)} {
		input := `{"id":"ä","messages":[{"role":"user","content":"h\u00e9\ud83d\ude00"}]}` + "\n"
		for i := range len(input) { // byte by byte
			c.Send(input[i : i+1])
		}
		c.Expect(token("ä", answer), done("ä", answer, 1))
		for size := 1; size <= 2*len(input); size += 7 { // three requests in odd pieces
			for rest := input + input + input; rest != ""; {
				n := min(size, len(rest))
				c.Send(rest[:n])
				rest = rest[n:]
			}
			for range 3 {
				c.Expect(token("ä", answer), done("ä", answer, 1))
			}
		}
	}
}
