package codec

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The protocol's own examples and upstream's own tests, byte for byte.

const fullRequest = `{"id":"full","messages":[{"role":"system","content":"be terse"},` +
	`{"role":"user","content":"2+2?"}],"temperature":0.2,"top_p":0.9,"top_k":40,` +
	`"max_tokens":16,"stream":true,"image_token_budget":280,"grammar":"root ::= [0-9]+"}`

func TestFrames(t *testing.T) {
	f := func(got []byte, want string) {
		t.Helper()
		if diff := cmp.Diff(want+"\n", string(got)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if !json.Valid(got) {
			t.Errorf("not JSON: %s", got)
		}
	}
	id := func(s string) []byte { return AppendQuoted(nil, s) }

	f(tokenFrame("r1", "alpha "),
		`{"type":"token","id":"r1","content":"alpha "}`)
	f(tokenFrame("", ""),
		`{"type":"token","id":"","content":""}`)
	f(tokenFrame(`a"b`, "<&>\n"),
		`{"type":"token","id":"a\"b","content":"<&>\n"}`)
	f(doneFrame("r1", "alpha beta gamma", Usage{0, 3}, "end", "mock"),
		`{"type":"done","id":"r1","content":"alpha beta gamma",`+
			`"usage":{"prompt_tokens":0,"completion_tokens":3},"stop_reason":"end","backend":"mock"}`)
	f(doneFrame("", "", Usage{1<<32 - 1, 1<<32 - 1}, "length", `b"`),
		`{"type":"done","id":"","content":"","usage":{"prompt_tokens":4294967295,`+
			`"completion_tokens":4294967295},"stop_reason":"length","backend":"b\""}`)
	f(AppendError(nil, id("bad"), InvalidRequest, errNoMessages.Error()),
		`{"type":"error","id":"bad","code":"invalid_request",`+
			`"message":"invalid request: messages must not be empty"}`)
	f(AppendError(nil, id(""), FrameTooLarge, ErrFrameTooLarge.Error()),
		`{"type":"error","id":"","code":"frame_too_large",`+
			`"message":"frame exceeds 67108864 byte cap"}`)
	f(AppendError(nil, id("r"), BackendUnavailable, "backend ended stream without terminal frame"),
		`{"type":"error","id":"r","code":"backend_unavailable",`+
			`"message":"backend ended stream without terminal frame"}`)
	f(AppendError(nil, id("r"), Internal, "a\nb\xff"),
		`{"type":"error","id":"r","code":"internal","message":"a\nb`+"\uFFFD"+`"}`)
	f(AppendQueueFull(nil, id("second"), 1500, 4, 10),
		`{"type":"error","id":"second","code":"queue_full","message":"queue full",`+
			`"retry_after_ms":1500,"active":4,"queued":10}`)
}

func tokenFrame(id, text string) []byte {
	var a Answer
	a.Begin(id)
	a.Token([]byte(text))
	return a.Frames
}

func doneFrame(id, text string, u Usage, stop, backend string) []byte {
	var a Answer
	a.Begin(id)
	a.Add([]byte(text))
	a.Done(u, stop, backend)
	return a.Frames
}

func TestAppendRequest(t *testing.T) {
	f := func(want, id string, msgs []Message, o RequestOptions) {
		t.Helper()
		got := AppendRequest(nil, id, msgs, o)
		if diff := cmp.Diff(want+"\n", string(got)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if _, err := NewDecoder().Decode(got[:len(got)-1]); err != nil {
			t.Errorf("its own line does not decode: %v", err)
		}
	}
	f(`{"id":"r1","messages":[{"role":"user","content":"hi"}]}`,
		"r1", []Message{{"user", "hi"}}, RequestOptions{})
	f(`{"messages":[]}`, "", nil, RequestOptions{})
	f(fullRequest, "full", []Message{{"system", "be terse"}, {"user", "2+2?"}}, RequestOptions{
		Temperature: new(0.2), TopP: new(0.9), TopK: new(uint32(40)), MaxTokens: new(uint32(16)),
		Stream: new(true), ImageTokenBudget: new(uint32(280)), Grammar: "root ::= [0-9]+",
	})
	zero := 0.0
	f(`{"messages":[],"temperature":null,"top_p":1e+300,"stream":false}`, "", nil,
		RequestOptions{Temperature: new(1 / zero), TopP: new(1e300), Stream: new(false)})
}

func TestValidate(t *testing.T) {
	f := func(line, want string) {
		t.Helper()
		r, err := NewDecoder().Decode(lineOf(line))
		if err != nil {
			t.Fatalf("Decode(%s): %v", line, err)
		}
		err = r.Validate()
		if want == "" {
			if err != nil {
				t.Errorf("%s: %v; want it valid", line, err)
			}
			return
		}
		var invalid *InvalidError
		if !errors.As(err, &invalid) || invalid.Error() != want {
			t.Errorf("%s: %v; want %q", line, err, want)
		}
	}
	f(`{`+hi+`}`, "")
	f(`{`+hi+`,"image_token_budget":null}`, "")
	for _, v := range strings.Fields("70 140 280 560 1120") {
		f(`{`+hi+`,"image_token_budget":`+v+`}`, "")
	}
	for _, v := range strings.Fields("0 1 69 999 4294967295") {
		f(`{`+hi+`,"image_token_budget":`+v+`}`,
			"invalid request: image_token_budget "+v+" not in [70, 140, 280, 560, 1120]")
	}
	f(`{"messages":[]}`, "invalid request: messages must not be empty")
	f(`{"messages":[],"image_token_budget":1}`, "invalid request: messages must not be empty")
}

func TestCodes(t *testing.T) {
	got := []Code{QueueFull, BackendUnavailable, InvalidRequest, FrameTooLarge, Internal}
	want := []Code{
		"queue_full", "backend_unavailable", "invalid_request", "frame_too_large", "internal",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestRequestRoundTrip(t *testing.T) {
	msgs := []Message{{"system", "a\x00\"\\\u2028</script>"}, {"assistant", ""}, {"user", "é😀"}}
	line := AppendRequest(nil, "id\n", msgs, RequestOptions{TopK: new(uint32(1))})
	got, err := NewDecoder().Decode(line[:len(line)-1])
	if err != nil {
		t.Fatal(err)
	}
	want := request(func(r *Request) { r.ID, r.Messages, r.TopK = "id\n", msgs, 1 })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
