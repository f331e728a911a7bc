package codec

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// eachDecoder runs f with every decoder that this build has: its own, and the
// one of the standard library.
func eachDecoder(t *testing.T, f func(t *testing.T, d *Decoder)) {
	t.Helper()
	t.Run("build", func(t *testing.T) { f(t, NewDecoder()) })
	t.Run("stdjson", func(t *testing.T) { f(t, &Decoder{unquote: goUnquote}) })
}

// lineOf gives a line as loop does: with its '\n' behind it.
func lineOf(s string) []byte { return append([]byte(s), '\n')[:len(s)] }

// request is a Request with defaults that the function changes.
func request(change func(*Request)) *Request {
	r := &Request{
		Messages:    []Message{{"user", "hi"}},
		Temperature: 1, TopP: 0.95, TopK: 64, MaxTokens: 1000, Stream: true,
	}
	if change != nil {
		change(r)
	}
	return r
}

const hi = `"messages":[{"role":"user","content":"hi"}]`

func TestDecode_Success(t *testing.T) {
	eachDecoder(t, func(t *testing.T, d *Decoder) {
		f := func(line string, change func(*Request)) {
			t.Helper()
			got, err := d.Decode(lineOf(line))
			if err != nil {
				t.Errorf("Decode(%s): %v", line, err)
				return
			}
			want := request(change)
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("Decode(%s) (-want +got):\n%s", line, diff)
			}
			// The reference must not drift from what the tables say.
			ref, err := refDecode([]byte(line))
			if err != nil {
				t.Errorf("reference refuses %s", line)
			} else if diff := cmp.Diff(want, ref, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("reference on %s (-want +got):\n%s", line, diff)
			}
		}

		f(`{`+hi+`}`, nil)
		f(`{"id":"",`+hi+`}`, nil)
		f(`{"id":"r1",`+hi+`}`, func(r *Request) { r.ID = "r1" })
		f(`{`+hi+`,"id":"last"}`, func(r *Request) { r.ID = "last" })
		f(`{"messages":[]}`, func(r *Request) { r.Messages = nil })
		f(`{"messages":[ ]}`, func(r *Request) { r.Messages = nil })

		// Every field; null where it is allowed.
		f(fullRequest, func(r *Request) {
			*r = Request{
				ID:          "full",
				Messages:    []Message{{"system", "be terse"}, {"user", "2+2?"}},
				Temperature: 0.2, TopP: 0.9, TopK: 40, MaxTokens: 16, Stream: true,
				ImageTokenBudget: 280, HasImageTokenBudget: true, Grammar: "root ::= [0-9]+",
			}
		})
		f(`{`+hi+`,"temperature":null,"top_p":null,"top_k":null,"max_tokens":null,`+
			`"stream":null,"image_token_budget":null}`, nil)
		f(`{`+hi+`,"stream":false}`, func(r *Request) { r.Stream = false })
		f(`{`+hi+`,"stream":true}`, nil)

		// Numbers: integers serve as f64, u32 goes to its ends, no range checks.
		f(`{`+hi+`,"temperature":2}`, func(r *Request) { r.Temperature = 2 })
		f(`{`+hi+`,"temperature":-0}`, func(r *Request) { r.Temperature = 0 })
		f(`{`+hi+`,"temperature":-1.5E+2}`, func(r *Request) { r.Temperature = -150 })
		f(`{`+hi+`,"top_p":1e-999}`, func(r *Request) { r.TopP = 0 })
		f(`{`+hi+`,"top_p":1.7e308}`, func(r *Request) { r.TopP = 1.7e308 })
		f(`{`+hi+`,"top_p":0.`+strings.Repeat("0", 400)+`1e401}`, func(r *Request) { r.TopP = 1 })
		f(`{`+hi+`,"top_p":0.1}`, func(r *Request) { r.TopP = 0.1 })
		f(`{`+hi+`,"top_k":0,"max_tokens":0}`, func(r *Request) { r.TopK, r.MaxTokens = 0, 0 })
		f(`{`+hi+`,"max_tokens":4294967295}`, func(r *Request) { r.MaxTokens = 1<<32 - 1 })
		f(`{`+hi+`,"image_token_budget":0}`, func(r *Request) { r.HasImageTokenBudget = true })

		// Unknown keys at every level, repeated or not, of any case.
		f(`{"x":1,`+hi+`,"x":{"id":[null,true,false,-0.5e1]},"":"","":2}`, nil)
		f(`{"ID":"no","Id":1,`+hi+`,"Messages":7,"MESSAGES":null}`, nil)
		f(`{"ID":"no","id":"yes","iD":"no",`+hi+`}`, func(r *Request) { r.ID = "yes" })
		f(`{"messages":[{"x":{},"role":"user","Role":"bot","content":"hi","x":[]}]}`, nil)
		f(`{`+hi+`,"unknown":1e999}`, nil)

		// Escapes, also in keys.
		f(`{"\u0069d":"a\u0000b","m\u0065ssages":[{"r\u006fle":"us\u0065r","content":"hi"}]}`,
			func(r *Request) { r.ID = "a\x00b" })
		f(`{"id":"\"\\\/\b\f\n\r\té\u20AC\ud83d\uDE00",`+hi+`}`,
			func(r *Request) { r.ID = "\"\\/\b\f\n\r\té€😀" })
		f(`{"\ud83d\ude00":1,"\n\t\r\b\f\/":2,`+hi+`}`, nil)
		f("{\"id\":\"\u00e9\u20ac\U0001f600\x7f\u2028\",\"k\u00e9y\":\"\u00e9\","+hi+"}",
			func(r *Request) { r.ID = "\u00e9\u20ac\U0001f600\x7f\u2028" })
		f(`{"messages":[{"role":"user","content":""},{"role":"user","content":"`+
			strings.Repeat("x", 100)+`\\"}]}`, func(r *Request) {
			r.Messages = []Message{{"user", ""}, {"user", strings.Repeat("x", 100) + `\`}}
		})

		// Any order and number of roles.
		f(`{"messages":[{"content":"a","role":"assistant"},{"role":"system","content":"b"},`+
			`{"role":"system","content":"c"}]}`, func(r *Request) {
			r.Messages = []Message{{"assistant", "a"}, {"system", "b"}, {"system", "c"}}
		})

		// Whitespace anywhere, a '\r' before the '\n' among it.
		f(" \t{ \"id\" : \"r\" , \"messages\" : [ { \"role\" : \"user\" , "+
			"\"content\" : \"hi\" } ] , \"top_k\" : 5 } \t\r",
			func(r *Request) { r.ID, r.TopK = "r", 5 })

		// Nesting up to the limit: the line's object and 127 more.
		f(`{`+hi+`,"x":`+strings.Repeat("[", 127)+strings.Repeat("]", 127)+`}`, nil)
		f(`{`+hi+`,"x":`+strings.Repeat(`{"k":`, 126)+`[]`+strings.Repeat("}", 126)+`}`, nil)
		f(`{"messages":[{"role":"user","content":"hi","x":`+strings.Repeat("[", 125)+
			strings.Repeat("]", 125)+`}]}`, nil)
	})
}

func TestDecode_Failure(t *testing.T) {
	eachDecoder(t, func(t *testing.T, d *Decoder) {
		f := func(line, reason string) {
			t.Helper()
			r, err := d.Decode(lineOf(line))
			var bad *DecodeError
			if !errors.As(err, &bad) || r != nil {
				t.Errorf("Decode(%.200q) = %v, %v; want a *DecodeError", line, r, err)
				return
			}
			if bad.Reason != reason || err.Error() != "decode: "+reason {
				t.Errorf("Decode(%.200q): %q; want %q", line, bad.Reason, reason)
			}
			if _, err := refDecode([]byte(line)); err == nil {
				t.Errorf("reference accepts %.200q", line)
			}
		}

		// Not one object.
		f("", "empty line")
		f(" \t\r", "empty line")
		f("\uFEFF{"+hi+"}", "line starts with a byte order mark")
		for _, line := range []string{`null`, `[]`, `[{` + hi + `}]`, `"x"`, `1`, `true`, "\x00"} {
			f(line, "line is not a JSON object")
		}
		f(`{`+hi+`}{`+hi+`}`, "data after the JSON object")
		f(`{`+hi+`} x`, "data after the JSON object")
		f(`{`+hi+`}]`, "data after the JSON object")
		f("{"+hi+"}\x00", "data after the JSON object")

		// Grammar.
		f(`{not json}`, "malformed JSON")
		f(`{`+hi+`,}`, "malformed JSON")
		f(`{,`+hi+`}`, "malformed JSON")
		f(`{`+hi+` "id":"x"}`, "malformed JSON")
		f(`{"id" "x",`+hi+`}`, "malformed JSON")
		f(`{'id':"x",`+hi+`}`, "malformed JSON")
		f(`{1:2,`+hi+`}`, "malformed JSON")
		f(`{"x":,`+hi+`}`, "malformed JSON")
		f(`{"x":tru,`+hi+`}`, "malformed JSON")
		f(`{"x":nulll,`+hi+`}`, "malformed JSON")
		f(`{"x":NaN,`+hi+`}`, "malformed JSON")
		f(`{"x":+1,`+hi+`}`, "malformed JSON")
		f(`{"x":.5,`+hi+`}`, "malformed JSON")
		f(`{"x":[1,],`+hi+`}`, "malformed JSON")
		f(`{"x":[,1],`+hi+`}`, "malformed JSON")
		f(`{"x":[1}],`+hi+`}`, "malformed JSON")
		f(`{"x":{"a":1],`+hi+`}`, "malformed JSON")
		f("{\"x\":\x0b1,"+hi+"}", "malformed JSON")
		f("{\u00a0"+hi+"}", "malformed JSON")
		f(`{"messages":[{"role":"user","content":"hi"},]}`, "messages must hold objects only")
		f(`{`+hi+`/**/}`, "malformed JSON")
		for _, n := range []string{"01", "-", "1.", "1.e5", "1e", "1e+", "-01", "00"} {
			f(`{"x":`+n+`,`+hi+`}`, "malformed number")
			f(`{"temperature":`+n+`,`+hi+`}`, "malformed number")
		}

		// Every proper beginning of a line.
		for n := 1; n < len(fullRequest); n++ {
			if _, err := d.Decode(lineOf(fullRequest[:n])); err == nil {
				t.Errorf("Decode(%s) passes", fullRequest[:n])
			}
		}
		f(`{`+hi, "line ends inside a JSON value")
		f(`{"id":"x`, "line ends inside a JSON value")
		f(`{"id":"x\`, "line ends inside a JSON value")
		f(`{"x":nul`, "line ends inside a JSON value")

		// Strings.
		f("{\"id\":\"\xff\","+hi+"}", "invalid UTF-8")
		f("{\"\xc3\":1,"+hi+"}", "invalid UTF-8")
		f("{\"x\":[\"\xed\xa0\x80\"],"+hi+"}", "invalid UTF-8")   // a surrogate
		f("{\"x\":\"\xc0\x80\","+hi+"}", "invalid UTF-8")         // overlong
		f("{\"x\":\"\xf4\x90\x80\x80\","+hi+"}", "invalid UTF-8") // above U+10FFFF
		f("{\"x\":\"12345678\xe2\x82\","+hi+"}", "invalid UTF-8") // cut short
		f("{\"messages\":[{\"role\":\"user\",\"content\":\"\xe9\"}]}", "invalid UTF-8")
		for at := range 100 { // at every place of the words that are scanned at once
			x := func(s string) string {
				return `{"id":"` + strings.Repeat("x", at) + s + strings.Repeat("y", 100-at) + `",` + hi + `}`
			}
			f(x("\xff"), "invalid UTF-8")
			f(x("\n"), "raw control character in a string")
			f(x(`\x`), "invalid escape in a string")
			f(x(`"`), "malformed JSON")
		}
		for _, s := range []string{
			`\ud800`, `\udc00`, `\ud800x`, `\ud800\n`, `\ud800\ud800`, `\ud83d\u0041`,
			`\udfff\ud800`, `\ud83d\ude00\ud83d`, `\uDBFF`,
		} {
			f(`{"id":"`+s+`",`+hi+`}`, "lone surrogate in a string")
			f(`{"`+s+`":1,`+hi+`}`, "lone surrogate in a string")
			f(`{"x":{"y":["`+s+`"]},`+hi+`}`, "lone surrogate in a string")
			f(`{"messages":[{"role":"user","content":"`+s+`"}]}`, "lone surrogate in a string")
		}
		for c := range 0x20 {
			s := string(rune(c))
			f(`{"id":"`+s+`",`+hi+`}`, "raw control character in a string")
			f(`{"x":"12345678901`+s+`",`+hi+`}`, "raw control character in a string")
		}
		for _, s := range []string{`\x`, `\u12`, `\u12g4`, `\U0041`, `\'`, `\ud83d\u12`, `\0`} {
			f(`{"id":"`+s+`",`+hi+`}`, "invalid escape in a string")
		}

		// Depth.
		for _, n := range []int{128, 129, 5000, 1_000_000} {
			f(`{`+hi+`,"x":`+strings.Repeat("[", n)+strings.Repeat("]", n)+`}`,
				"nesting deeper than 128")
			f(`{`+hi+`,"x":`+strings.Repeat(`{"a":`, n), "nesting deeper than 128")
		}
		f(`{"messages":[{"role":"user","content":"hi","x":`+strings.Repeat("[", 126)+
			strings.Repeat("]", 126)+`}]}`, "nesting deeper than 128")

		// Missing and repeated keys.
		f(`{}`, "missing field messages")
		f(`{ }`, "missing field messages")
		f(`{"id":"x"}`, "missing field messages")
		f(`{"Messages":[{"role":"user","content":"hi"}]}`, "missing field messages")
		f(`{"messages":[{}]}`, "missing field role")
		f(`{"messages":[{"content":"hi"}]}`, "missing field role")
		f(`{"messages":[{"role":"user"}]}`, "missing field content")
		f(`{"messages":[{"role":"user","content":"hi"},{"role":"user"}]}`, "missing field content")
		f(`{"messages":[{"role":"user","Content":"hi"}]}`, "missing field content")
		for key, value := range map[string]string{
			"id": `""`, "messages": `[]`, "temperature": `1`, "top_p": `null`, "top_k": `1`,
			"max_tokens": `1`, "stream": `true`, "image_token_budget": `70`, "grammar": `""`,
		} {
			f(fmt.Sprintf(`{"%s":%s,"%s":%s}`, key, value, key, value), "duplicate field "+key)
		}
		f(`{"id":"a","\u0069d":"b",`+hi+`}`, "duplicate field id")
		f(`{"messages":[{"role":"user","role":"user","content":""}]}`, "duplicate field role")
		f(`{"messages":[{"role":"user","content":"","c\u006fntent":""}]}`,
			"duplicate field content")
	})
}

func TestDecode_WrongTypes(t *testing.T) {
	const (
		str = " must be a string"
		num = " must be a number or null"
		u32 = " must be an integer from 0 to 4294967295 or null"
	)
	eachDecoder(t, func(t *testing.T, d *Decoder) {
		f := func(line, reason string) {
			t.Helper()
			if _, err := d.Decode(lineOf(line)); err == nil || err.Error() != "decode: "+reason {
				t.Errorf("Decode(%s): %v; want reason %q", line, err, reason)
			}
			if _, err := refDecode([]byte(line)); err == nil {
				t.Errorf("reference accepts %s", line)
			}
		}
		values := func(s string) []string { return strings.Fields(s) }

		for _, v := range values(`null 1 true [] {} ["x"]`) {
			f(`{"id":`+v+`,`+hi+`}`, "id"+str)
			f(`{"grammar":`+v+`,`+hi+`}`, "grammar"+str)
			f(`{"messages":[{"role":`+v+`,"content":""}]}`, "role"+str)
			f(`{"messages":[{"role":"user","content":`+v+`}]}`, "content"+str)
		}
		for _, v := range values(`null 1 true "x" {} {"role":"user","content":""}`) {
			f(`{"messages":`+v+`}`, "messages must be an array")
		}
		for _, v := range values(`null 1 false "x" [] [{}] ["user","hi"]`) {
			f(`{"messages":[`+v+`]}`, "messages must hold objects only")
		}
		for _, v := range values(`true "1" [] {}`) {
			f(`{"temperature":`+v+`,`+hi+`}`, "temperature"+num)
			f(`{"top_p":`+v+`,`+hi+`}`, "top_p"+num)
		}
		for _, v := range values(`true "1" [] {} 64.0 1e2 1E0 0.5 -1 -0 01 00 4294967296 ` +
			`18446744073709551616 99999999999999999999999 1. +1`) {
			f(`{"top_k":`+v+`,`+hi+`}`, "top_k"+u32)
			f(`{"max_tokens":`+v+`,`+hi+`}`, "max_tokens"+u32)
			f(`{"image_token_budget":`+v+`,`+hi+`}`, "image_token_budget"+u32)
		}
		for _, v := range values(`1 0 "true" [] {}`) {
			f(`{"stream":`+v+`,`+hi+`}`, "stream must be a boolean or null")
		}
		for _, v := range values(`1e999 -1e999 1E309 1.8e308 0.1e310 ` + strings.Repeat("9", 310)) {
			f(`{"temperature":`+v+`,`+hi+`}`, "number out of range")
			f(`{"top_p":`+v+`,`+hi+`}`, "number out of range")
		}
		for _, v := range values(`"" "User" "USER" "bot" "tool" "user\u0020" "us\u0000er"`) {
			f(`{"messages":[{"role":`+v+`,"content":""}]}`,
				"role must be system, user or assistant")
		}
	})
}
