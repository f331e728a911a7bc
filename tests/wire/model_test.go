package wire

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"inferd/engine/llamacpp/builtin"
	"inferd/tests/harness"
)

// prompt is a greedy request for one of the built-in model's answers.
func prompt(id, text, more string) string {
	quoted, _ := json.Marshal(text)
	return fmt.Sprintf(`{"id":%q,"messages":[{"role":"user","content":%s}],"temperature":0%s}`+"\n",
		id, quoted, more)
}

// The daemon as a newcomer starts it: no backend, no config, only paths.
func TestModel(t *testing.T) {
	t.Parallel()
	if _, ok := harness.LlamaLib(); !ok {
		t.Fatal("no native libraries: run make lib")
	}
	d := harness.Start(t)
	// known are the questions that it answers as promised; the model's own tests
	// hold it to all of them.
	var known []builtin.Question
	c := d.Dial(t)
	for _, q := range builtin.Questions() {
		c.Send(prompt(q.Prompt, q.Prompt, ""))
		frames := c.Stream()
		last := frames[len(frames)-1]
		if last.Backend != "llamacpp" || last.Usage.PromptTokens == 0 ||
			last.Usage.CompletionTokens == 0 || len(frames) < 3 {
			t.Errorf("%s: usage %+v, %d frames", q.Prompt, last.Usage, len(frames))
		}
		if last.Content == q.Answer && last.StopReason == "end" {
			known = append(known, q)
		}
	}
	if len(known) == 0 {
		t.Fatal("the built-in model answers none of its own questions")
	}

	t.Run("eight at once say the same", func(t *testing.T) {
		// Twice what runs at once; the rest waits.
		each(t, 16, func(i int) error {
			q := known[i%len(known)]
			c, err := harness.TryDial("unix", d.Unix())
			if err != nil {
				return err
			}
			defer c.Close()
			if err := c.TrySend(prompt("r", q.Prompt, "")); err != nil {
				return err
			}
			last, err := c.TryLast()
			if err == nil && last.Content != q.Answer {
				err = fmt.Errorf("%s: %+v", q.Prompt, last)
			}
			return err
		})
	})
	t.Run("grammar", func(t *testing.T) {
		c := d.Dial(t)
		c.Send(prompt("g", "What is 12 + 7?", `,"grammar":"root ::= [a-c] [a-c] [x-z]"`))
		if s := c.Last().Content; len(s) != 3 || strings.Trim(s[:2], "abc") != "" ||
			strings.Trim(s[2:], "xyz") != "" {
			t.Errorf("%q does not follow the grammar", s)
		}
		for _, bad := range []string{"root ::= (", strings.Repeat("x", 65<<10)} {
			quoted, _ := json.Marshal(bad)
			c.Send(prompt("bad", "x", `,"grammar":`+string(quoted)))
			if f := c.Last(); f.ID != "bad" || f.Code != "invalid_request" {
				t.Errorf("grammar %.20q: %+v", bad, f)
			}
		}
	})
	t.Run("length", func(t *testing.T) {
		c := d.Dial(t)
		c.Send(prompt("l", "Count from 3 to 9.", `,"max_tokens":2`))
		if f := c.Last(); f.StopReason != "length" || f.Usage.CompletionTokens != 2 {
			t.Errorf("frame %+v", f)
		}
		c.Send(prompt("0", "Count from 3 to 9.", `,"max_tokens":0`))
		if f := c.Last(); f.StopReason != "length" || f.Content != "" {
			t.Errorf("frame %+v", f)
		}
	})
	t.Run("without streaming", func(t *testing.T) {
		c := d.Dial(t)
		c.Send(prompt("s", known[0].Prompt, `,"stream":false`))
		if f := c.Frame(); f.Outcome() != "done" || f.Content != known[0].Answer {
			t.Errorf("frame %+v", f)
		}
	})
	t.Run("sampling", func(t *testing.T) {
		c := d.Dial(t)
		c.Send(harness.Ask("defaults"))
		if f := c.Last(); f.Outcome() != "done" {
			t.Errorf("frame %+v", f)
		}
	})
	t.Run("prompt beyond the context", func(t *testing.T) {
		c := d.Dial(t)
		c.Send(prompt("long", strings.Repeat("house ", 200_000), ""))
		if f := c.Last(); f.ID != "long" || f.Code != "invalid_request" {
			t.Errorf("frame %+v", f)
		}
	})
	t.Run("cancel", func(t *testing.T) {
		// A grammar that never ends keeps it writing until it is told to stop.
		for range 8 {
			c := d.Dial(t)
			c.Send(prompt("forever", "x", `,"max_tokens":1000000,"grammar":"root ::= \"a\" root"`))
			if f := c.Frame(); f.Type != "token" {
				t.Fatalf("frame %+v", f)
			}
			_ = c.Close()
		}
		awaitLoad(t, d, 0, 0)
		c := d.Dial(t)
		c.Send(prompt("after", known[0].Prompt, ""))
		if f := c.Last(); f.Content != known[0].Answer {
			t.Errorf("frame %+v", f)
		}
	})
	if code := d.Stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}
