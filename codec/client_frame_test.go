package codec

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func eachFrameDecoder(t *testing.T, f func(t *testing.T, d *FrameDecoder)) {
	t.Helper()
	t.Run("build", func(t *testing.T) { f(t, NewFrameDecoder()) })
	t.Run("stdjson", func(t *testing.T) { f(t, &FrameDecoder{json: stdFiller{}}) })
}

func TestFrameDecode_Success(t *testing.T) {
	eachFrameDecoder(t, func(t *testing.T, d *FrameDecoder) {
		f := func(line string, want Frame, terminal bool) {
			t.Helper()
			got, err := d.Decode(lineOf(strings.TrimSuffix(line, "\n")))
			if err != nil {
				t.Errorf("Decode(%s): %v", line, err)
				return
			}
			if diff := cmp.Diff(&want, got); diff != "" {
				t.Errorf("Decode(%s) (-want +got):\n%s", line, diff)
			}
			if got.Terminal() != terminal {
				t.Errorf("%s: Terminal() = %v", line, !terminal)
			}
		}
		id := AppendQuoted(nil, "r\n1")
		f(string(tokenFrame("r\n1", "é\"")),
			Frame{Type: "token", ID: "r\n1", Content: "é\""}, false)
		f(string(doneFrame("r\n1", "abc", Usage{7, 8}, "end", "mock")),
			Frame{
				Type: "done", ID: "r\n1", Content: "abc", Usage: Usage{7, 8},
				StopReason: "end", Backend: "mock",
			}, true)
		f(string(AppendError(nil, id, Internal, "oh")),
			Frame{Type: "error", ID: "r\n1", Code: "internal", Message: "oh"}, true)
		f(string(AppendQueueFull(nil, id, 250, 1, 2)), Frame{
			Type: "error", ID: "r\n1", Code: "queue_full", Message: "queue full",
			RetryAfterMS: 250, Active: 1, Queued: 2,
		}, true)
		f(`{"type":"status","id":"","status":"ready"}`, Frame{Type: "status", Status: "ready"}, false)

		// What later versions and other daemons may do.
		f(`{"content":"x","new":{"type":1},"type":"token"}`, Frame{Type: "token", Content: "x"}, false)
		f(`{"type":"token","id":null,"content":null,"usage":null}`, Frame{Type: "token"}, false)
		f(`{"type":"token","Type":"x","ID":"x","Content":5}`, Frame{Type: "token"}, false)
		f(`{"type":"done","usage":{"prompt_tokens":1,"cached":{}}}`,
			Frame{Type: "done", Usage: Usage{1, 0}}, true)
		f(`{"type":"token","id":"a","id":"b"}`, Frame{Type: "token", ID: "b"}, false)
		f(`{"type":"later","id":"a"}`, Frame{Type: "later"}, false)
		f(`{"content":{"a":[1]},"active":1.5,"id":7,"type":"later"}`, Frame{Type: "later"}, false)
		f(`{"type":"later","usage":-1e999,"id":[]}`, Frame{Type: "later"}, false)
	})
}

func TestFrameDecode_Failure(t *testing.T) {
	eachFrameDecoder(t, func(t *testing.T, d *FrameDecoder) {
		f := func(line, reason string) {
			t.Helper()
			got, err := d.Decode(lineOf(line))
			var bad *DecodeError
			if !errors.As(err, &bad) || bad.Reason != reason || got != nil {
				t.Errorf("Decode(%s) = %v, %v; want reason %q", line, got, err, reason)
			}
		}
		f(``, "empty line")
		f(`null`, "line is not a JSON object")
		f(`[]`, "line is not a JSON object")
		f(`{"type":"token"`, "line ends inside a JSON value")
		f(`{"type":"token"}{}`, "data after the JSON object")
		f(`{"type":"token","x":01}`, "malformed number")
		f("{\"type\":\"token\",\"content\":\"\xff\"}", "invalid UTF-8")
		f(`{"type":"token","x":`+strings.Repeat("[", 200)+strings.Repeat("]", 200)+`}`,
			"nesting deeper than 128")
		f(`{}`, "frame has no type")
		f(`{"type":null}`, "frame has no type")
		f(`{"type":""}`, "frame has no type")
		f(`{"type":7}`, "frame has a value of the wrong type")
		f(`{"type":"token","content":7}`, "frame has a value of the wrong type")
		f(`{"content":7}`, "frame has no type")
		f(`{"type":"done","usage":{"prompt_tokens":-1}}`, "frame has a value of the wrong type")
		f(`{"type":"error","active":1.5}`, "frame has a value of the wrong type")
	})
}

// A frame shows nothing of the one before it.
func TestFrameDecode_ReuseLeaksNothing(t *testing.T) {
	eachFrameDecoder(t, func(t *testing.T, d *FrameDecoder) {
		id := AppendQuoted(nil, "secret")
		for _, before := range [][]byte{
			AppendQueueFull(nil, id, 1, 2, 3),
			doneFrame("secret", "secret", Usage{1, 2}, "end", "mock"),
			[]byte(`{"type":"token","id":"secret","content":1}`),
		} {
			_, _ = d.Decode(before)
			got, err := d.Decode(lineOf(`{"type":"token"}`))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&Frame{Type: "token"}, got); diff != "" {
				t.Errorf("after %s (-want +got):\n%s", before, diff)
			}
		}
	})
}
