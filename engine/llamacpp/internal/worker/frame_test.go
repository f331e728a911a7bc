package worker

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"inferd/engine"
	"inferd/engine/llamacpp/internal/llama"
	"inferd/engine/llamacpp/internal/runner"
	"inferd/engine/llamacpp/internal/sched"
)

// payloadOf takes a whole frame apart.
func payloadOf(t *testing.T, frame []byte, typ byte) []byte {
	t.Helper()
	have, payload, _, err := readFrame(bytes.NewReader(frame), nil, len(frame))
	if err != nil || have != typ {
		t.Fatalf("frame of type %d, %v; want type %d", have, err, typ)
	}
	return payload
}

func TestStart_RoundTrip(t *testing.T) {
	for _, r := range []runner.Request{
		{ID: 1},
		{
			ID: math.MaxUint64, MaxTokens: math.MaxInt32,
			Messages: []engine.Message{{Role: "system", Content: ""}, {Role: "user", Content: "h\x00i \xff ü"}},
			Sampling: llama.Sampling{
				Temperature: 0.7, TopP: -1, TopK: 40, Seed: 7, Grammar: "root ::= .",
			},
		},
	} {
		got, err := decodeStart(payloadOf(t, appendStart(nil, &r), frameStart))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(&r, got, cmpopts.EquateEmpty()); d != "" {
			t.Error(d)
		}
	}
}

func TestEvents_RoundTrip(t *testing.T) {
	stats := sched.Stats{Steps: 1, Tokens: 2, PromptTokens: 3, CachedPromptTokens: 4}
	usage := engine.Usage{PromptTokens: 5, CompletionTokens: 6, CachedPromptTokens: 7}
	events := []sched.Event{
		{ID: 1, Text: []byte("text")},
		{ID: 2, Done: true, Stop: engine.StopLength, Usage: usage, Full: true, Text: []byte("end")},
		{ID: 3, Done: true, Stop: engine.StopError, Err: engine.Errorf(engine.Invalid, "no")},
		{ID: 4, Done: true, Err: errors.New("broken")},
		{ID: 5, Done: true, Stop: engine.StopCancelled},
	}
	frame := appendEvents(nil, stats, events)
	gotStats, got, err := decodeEvents(payloadOf(t, frame, frameEvents), nil)
	if err != nil || gotStats != stats {
		t.Fatalf("%+v, %v", gotStats, err)
	}
	sameError := cmp.Comparer(func(a, b error) bool {
		var x, y *engine.Error
		if errors.As(a, &x) != errors.As(b, &y) {
			return false
		}
		return a == nil && b == nil || a != nil && b != nil && a.Error() == b.Error() &&
			(x == nil || x.Kind == y.Kind)
	})
	if d := cmp.Diff(events, got, cmpopts.EquateEmpty(), sameError); d != "" {
		t.Error(d)
	}
}

func TestReadFrame_Failure(t *testing.T) {
	for name, c := range map[string]struct {
		in   string
		want error
	}{
		"end":           {"", io.EOF},
		"cut length":    {"\x05\x00", io.ErrUnexpectedEOF},
		"cut payload":   {"\x05\x00\x00\x00\x13ab", io.ErrUnexpectedEOF},
		"above limit":   {"\xff\xff\xff\x7f\x13", errFrame},
		"no type":       {"\x00\x00\x00\x00\x13", errFrame},
		"negative size": {"\xff\xff\xff\xff\x13", errFrame},
	} {
		if _, _, _, err := readFrame(strings.NewReader(c.in), nil, 1<<10); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(appendStart(nil, &runner.Request{ID: 1, Messages: []engine.Message{{Role: "user", Content: "x"}}})[5:])
	f.Add(appendEvents(nil, sched.Stats{}, []sched.Event{
		{ID: 1, Text: []byte("a")}, {ID: 2, Done: true, Err: engine.ErrNotReady},
	})[5:])
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, err := decodeStart(b); err == nil {
			if again := appendStart(nil, r)[5:]; !bytes.Equal(again, b) {
				t.Errorf("%x was read, %x is written", b, again)
			}
		}
		if _, events, err := decodeEvents(b, nil); err == nil && len(events) > len(b) {
			t.Errorf("%d events in %d bytes", len(events), len(b))
		}
	})
}

func TestOutputLog_Redacts(t *testing.T) {
	var got strings.Builder
	o := &outputLog{log: testLogger(&got)}
	for _, chunk := range []string{
		"parse: error parsing grammar: s3cret\n", "GGML_ASS", "ERT(x) failed\nroot ::= s3cret\n",
		strings.Repeat("s3cret ", 1000) + "\n", "terminate called after throwing\n",
	} {
		if _, err := o.Write([]byte(chunk)); err != nil {
			t.Fatal(err)
		}
	}
	text := got.String()
	if strings.Contains(text, "s3cret") || !strings.Contains(text, "GGML_ASSERT(x) failed") ||
		!strings.Contains(text, "terminate called") {
		t.Errorf("logged %q", text)
	}
}

func TestEnvironment_KeepsSecretsBack(t *testing.T) {
	t.Setenv("INFERD_API_KEY", "s3cret")
	t.Setenv("GGML_TEST", "yes")
	env := strings.Join(environment(), "\n")
	if strings.Contains(env, "s3cret") || !strings.Contains(env, "GGML_TEST=yes") {
		t.Errorf("%s", env)
	}
}
