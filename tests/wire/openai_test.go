package wire

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"inferd/tests/harness"
)

func TestOpenAI_WholeExchange(t *testing.T) {
	t.Parallel()
	up := newUpstream(t)
	d := harness.Start(t, up.flags("--openai-api-key", "sk-upstream-key-0123456789")...)
	c := d.Dial(t)
	c.Send(`{"id":"r","messages":[{"role":"system","content":"be terse"},` +
		`{"role":"user","content":"h\u00e9"}],"temperature":0.5,"top_p":0.25,"max_tokens":9}` + "\n")
	w := up.next(t)
	if got := w.Header.Get("Authorization"); got != "Bearer sk-upstream-key-0123456789" {
		t.Errorf("authorization %q", got)
	}
	b := w.Body
	if b.Model != "m" || !b.Stream || len(b.Messages) != 2 || b.Messages[0].Role != "system" ||
		b.Messages[1].Content != "hé" || *b.Temperature != 0.5 || *b.TopP != 0.25 ||
		*b.MaxTokens != 9 || b.TopK != nil || b.Grammar != nil {
		t.Errorf("body %+v", b)
	}
	w.raw(": a comment\n\nevent: x\n")
	w.say("Grü")
	w.raw(`data:{"choices":[{"delta":{"content":"ße`) // split inside a line
	w.raw(`"}}]}` + "\r\n\r\n")
	w.raw("data: not json\n\n")
	w.finish("length")
	frames := c.Stream()
	last := frames[len(frames)-1]
	if len(frames) != 3 || last.Content != "Grüße" || last.StopReason != "length" ||
		last.Backend != "openai-compat" || last.Usage.PromptTokens != 7 ||
		last.Usage.CompletionTokens != 3 {
		t.Errorf("frames %+v", frames)
	}
	d.AwaitEvent(t, "request_done", nil)
	if log, err := os.ReadFile(d.Activity()); err != nil || strings.Contains(string(log), "sk-upst") {
		t.Errorf("the key is in the log, or %v", err)
	}
}

func TestOpenAI_Refusals(t *testing.T) {
	t.Parallel()
	up := newUpstream(t)
	f := func(status int, body, code string, opensBreaker bool) {
		t.Helper()
		d := harness.Start(t, up.flags()...)
		c := d.Dial(t)
		for range 3 {
			c.Send(harness.Ask("r"))
			up.next(t).status(status, body)
			f := c.Frame()
			if f.Code != code || !strings.Contains(f.Message, fmt.Sprintf("upstream HTTP %d", status)) ||
				strings.Contains(f.Message, "sk-") || len(f.Message) > 8<<10 {
				t.Errorf("status %d: %+v", status, f)
			}
		}
		c.Send(harness.Ask("next"))
		if opensBreaker {
			c.Expect(refusal("next", "backend_unavailable", noBackend))
			return
		}
		up.next(t).finish("stop")
		if f := c.Last(); f.Outcome() != "done" {
			t.Errorf("status %d: %+v", status, f)
		}
	}
	f(500, "it broke", "backend_unavailable", true)
	f(503, strings.Repeat("é", 100_000), "backend_unavailable", true)
	f(429, "slow down", "backend_unavailable", true)
	f(401, "wrong key sk-0123456789abcdefghijABCDEFGHIJ", "backend_unavailable", true)
	f(400, "no such thing", "invalid_request", false)
	f(413, "too long", "invalid_request", false)
	f(422, "no", "invalid_request", false)
}

func TestOpenAI_BreaksOff(t *testing.T) {
	t.Parallel()
	up := newUpstream(t)
	d := harness.Start(t, up.flags("--openai-idle-timeout", "300ms")...)
	c := d.Dial(t)
	c.Send(harness.Ask("stalled"))
	w := up.next(t)
	w.say("half")
	c.Expect(token("stalled", "half"), refusal("stalled", "backend_unavailable", brokeOff))
	select {
	case <-w.Gone:
	case <-time.After(opTimeout):
		t.Error("the stalled exchange was not ended")
	}

	for range 2 {
		c.Send(harness.Ask("cut"))
		w = up.next(t)
		w.say("half")
		w.breakOff()
		c.Expect(token("cut", "half"), refusal("cut", "backend_unavailable", brokeOff))
	}
	// That was the third.
	c.Send(harness.Ask("late"))
	c.Expect(refusal("late", "backend_unavailable", noBackend))
}

func TestOpenAI_NeverBegins(t *testing.T) {
	t.Parallel()
	up := newUpstream(t)
	d := harness.Start(t, up.flags("--openai-first-token-timeout", "300ms")...)
	c := d.Dial(t)
	c.Send(harness.Ask("mute"))
	w := up.next(t)
	c.Expect(refusal("mute", "backend_unavailable", "upstream sent no token within 300ms"))
	select {
	case <-w.Gone:
	case <-time.After(opTimeout):
		t.Error("the mute exchange was not ended")
	}
}

func TestOpenAI_NobodyThere(t *testing.T) {
	t.Parallel()
	up := newUpstream(t)
	d := harness.Start(t, up.flags()...)
	up.Close()
	c := d.Dial(t)
	c.Send(harness.Ask("r"))
	if f := c.Frame(); f.Code != "backend_unavailable" || strings.Contains(f.Message, "127.0.0.1") {
		t.Errorf("frame %+v", f)
	}
}

func TestOpenAI_GrammarIsNotIgnored(t *testing.T) {
	t.Parallel()
	up := newUpstream(t)
	d := harness.Start(t, up.flags()...)
	c := d.Dial(t)
	c.Send(ask("g", `"grammar":"root ::= \"a\""`))
	if f := c.Frame(); f.ID != "g" || f.Code != "invalid_request" {
		t.Errorf("frame %+v", f)
	}
}

// Backends are tried in the order of the file; what has failed three times is
// passed over.
func TestRouter_FailsOver(t *testing.T) {
	t.Parallel()
	first, second := newUpstream(t), newUpstream(t)
	type entry map[string]any
	file, err := json.Marshal(entry{"backends": []entry{
		{"kind": "openai-compat", "name": "first", "base_url": first.URL, "model": "a"},
		{"kind": "openai-compat", "name": "second", "base_url": second.URL, "model": "b"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	d := harness.Start(t, "--config", path)
	c := d.Dial(t)
	c.Send(harness.Ask("preferred"))
	w := first.next(t)
	if w.Body.Model != "a" {
		t.Errorf("model %q", w.Body.Model)
	}
	w.finish("stop")
	c.Last()
	// No request is tried twice: the next one goes elsewhere.
	for range 3 {
		c.Send(harness.Ask("failing"))
		first.next(t).status(502, "")
		if f := c.Frame(); f.Code != "backend_unavailable" {
			t.Fatalf("frame %+v", f)
		}
	}
	// A failure of the other one counts for itself alone, though of the same kind.
	c.Send(harness.Ask("elsewhere"))
	second.next(t).status(500, "")
	c.Last()
	for range 3 {
		c.Send(harness.Ask("elsewhere"))
		w := second.next(t)
		w.say("b")
		w.finish("stop")
		if f := c.Last(); f.Outcome() != "done" || f.Content != "b" {
			t.Fatalf("frame %+v", f)
		}
	}
	e := d.AwaitEvent(t, "request_done", func(e harness.Event) bool {
		return e.String("req_id") == "elsewhere"
	})
	if e.String("backend") != "second" {
		t.Errorf("event %v", e)
	}
}
