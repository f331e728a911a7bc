package sched

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"inferd/engine"
)

func TestRun_ManySequences(t *testing.T) {
	f := newFake(t)
	r := start(t, f, Config{Sequences: 4, CtxPerSeq: 300, Batch: 32})
	const jobs = 40
	for i := range jobs {
		r.submit(t, uint64(i), prompt(i%7, 1+i*5), 1+i)
	}
	for i := range jobs {
		e := r.end(uint64(i))
		if e.Err != nil || e.Stop != engine.StopLength || int(e.Usage.CompletionTokens) != 1+i ||
			int(e.Usage.PromptTokens) != 1+i*5 {
			t.Errorf("job %d: %+v", i, e)
		}
		if got := r.answer(uint64(i)); got != want(prompt(i%7, 1+i*5), 1+i) {
			t.Errorf("job %d: %q", i, got)
		}
	}
	if f.freed != jobs {
		t.Errorf("%d of %d samplers freed", f.freed, jobs)
	}
	s := r.Stats()
	if s.Sequences != 0 || s.Tokens != jobs*(jobs+1)/2 {
		t.Errorf("%+v", s)
	}
}

func TestRun_PrefixReuse(t *testing.T) {
	for _, c := range []struct {
		name               string
		noReuse, uncutable bool
		cached             uint32
	}{
		{"on", false, false, 199},
		{"off", true, false, 0},
		{"memory can not be cut", false, true, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFake(t)
			f.uncutable = c.uncutable
			r := start(t, f, Config{Sequences: 2, CtxPerSeq: 400, Batch: 64, NoPrefixReuse: c.noReuse})
			first := prompt(1, 200)
			r.submit(t, 1, first, 10)
			r.end(1)
			r.submit(t, 2, first, 10)
			if e := r.end(2); e.Usage.CachedPromptTokens != c.cached {
				t.Errorf("%d prompt tokens from the cache, want %d", e.Usage.CachedPromptTokens, c.cached)
			}
			if got := r.answer(2); got != want(first, 10) {
				t.Errorf("answer %q", got)
			}
		})
	}
}

func TestPick(t *testing.T) {
	slots := func(tokens ...[]int32) []*slot {
		var out []*slot
		for i, tk := range tokens {
			out = append(out, &slot{tokens: tk, cached: len(tk), used: uint64(i)})
		}
		return out
	}
	busy := slots(prompt(1, 50), prompt(2, 10))
	busy[0].job = &Job{}
	for name, c := range map[string]struct {
		slots  []*slot
		prompt []int32
		reuse  bool
		slot   int
		keep   int
	}{
		"longest prefix":             {slots(prompt(1, 10), prompt(2, 20), prompt(2, 30)), prompt(2, 40), true, 2, 30},
		"a follow-up":                {slots(prompt(1, 10), prompt(2, 20)), append(prompt(2, 20), 1, 2, 3), true, 1, 20},
		"nothing in common: oldest":  {slots(prompt(1, 10), prompt(2, 20)), prompt(3, 5), true, 0, 0},
		"the whole prompt is cached": {slots(prompt(1, 10)), prompt(1, 10), true, 0, 9},
		"too little to be worth it":  {slots(prompt(5, 3), append(prompt(2, 5), prompt(3, 95)...)), append(prompt(2, 5), 88), true, 0, 0},
		"reuse is off":               {slots(prompt(1, 10), prompt(2, 20)), prompt(2, 20), false, 0, 0},
		"busy ones are left alone":   {busy, prompt(1, 50), true, 1, 0},
		"one token":                  {slots(prompt(1, 10)), prompt(1, 1), true, 0, 0},
	} {
		got, keep := pick(c.slots, c.prompt, c.reuse)
		if got != c.slots[c.slot] || keep != c.keep {
			t.Errorf("%s: keeps %d, want slot %d and %d", name, keep, c.slot, c.keep)
		}
	}
}

func TestRun_EndOfAnswer(t *testing.T) {
	f := newFake(t)
	r := start(t, f, Config{Sequences: 1, CtxPerSeq: 50, Batch: 64})
	r.mu.Lock()
	r.ends[1] = make(chan Event, 2)
	r.mu.Unlock()
	job := &Job{ID: 1, Prompt: prompt(1, 10), MaxTokens: 30, Sampler: &fakeSampler{f: f, endAfter: 13}}
	if err := r.Submit(job); err != nil {
		t.Fatal(err)
	}
	if e := r.end(1); e.Stop != engine.StopEnd || e.Usage.CompletionTokens != 3 || e.Full {
		t.Errorf("%+v", e)
	}
	r.submit(t, 2, prompt(2, 20), 1000)
	if e := r.end(2); e.Stop != engine.StopLength || !e.Full || e.Usage.CompletionTokens != 31 {
		t.Errorf("full context: %+v", e)
	}
	r.submit(t, 3, prompt(3, 50), 1000)
	if e := r.end(3); e.Usage.CompletionTokens != 1 || !e.Full {
		t.Errorf("a prompt as long as the context: %+v", e)
	}
}

func TestSubmit_Refusals(t *testing.T) {
	f := newFake(t)
	r := start(t, f, Config{Sequences: 1, CtxPerSeq: 50, Batch: 64})
	for name, j := range map[string]*Job{
		"no prompt":   {ID: 1, MaxTokens: 1},
		"long prompt": {ID: 1, Prompt: prompt(1, 51), MaxTokens: 1},
		"no tokens":   {ID: 1, Prompt: prompt(1, 5)},
	} {
		j.Sampler = &fakeSampler{f: f}
		if err := r.Submit(j); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	r.Stop()
	err := r.Submit(&Job{ID: 1, Prompt: prompt(1, 5), MaxTokens: 1, Sampler: &fakeSampler{f: f}})
	if !errors.Is(err, ErrClosed) {
		t.Errorf("after Stop: %v", err)
	}
	if f.freed != 4 {
		t.Errorf("%d of 4 samplers freed", f.freed)
	}
}

// TestSlice: the target, or a good slice, or the least one, by what a token costs.
func TestSlice(t *testing.T) {
	s := &Scheduler{cfg: Config{Batch: 512}}
	f := func(perToken time.Duration, generating bool, want int) {
		t.Helper()
		s.perToken = perToken
		if got := s.slice(generating); got != want {
			t.Errorf("at %v a token, generating %v: %d, want %d", perToken, generating, got, want)
		}
	}
	f(0, true, firstSlice)
	f(50*time.Microsecond, true, 512)
	f(500*time.Microsecond, true, 100)
	f(time.Millisecond, true, goodSlice)
	f(6*time.Millisecond, true, goodSlice)
	f(7*time.Millisecond, true, minSlice)
	f(time.Second, true, minSlice)
	f(7*time.Millisecond, false, 512)
	f(50*time.Millisecond, false, 100)
}

// TestRun_LongPromptDoesNotStall: while one sequence generates, a long prompt
// comes in slices of about stepTarget.
func TestRun_LongPromptDoesNotStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		f.cost = func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
		r := start(t, f, Config{Sequences: 3, CtxPerSeq: 4000, Batch: 512})
		r.submit(t, 1, prompt(1, 100), 200)
		time.Sleep(200 * time.Millisecond) // of the bubble's clock: it generates now
		r.submit(t, 2, prompt(2, 2000), 5)
		r.submit(t, 3, prompt(3, 1000), 5)
		r.end(3)
		r.end(2)
		r.Stop()
		f.mu.Lock()
		defer f.mu.Unlock()
		shared := 0
		for i, step := range f.steps {
			per := make(map[int]int)
			for _, p := range step {
				per[p.seq]++
			}
			if len(per) > 1 && len(step) > 110 {
				t.Errorf("step %d takes %d tokens while others generate", i, len(step))
			}
			if len(per) == 3 {
				shared++
			}
		}
		if shared < 10 {
			t.Errorf("the two prompts shared only %d steps", shared)
		}
	})
}

func TestCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		f.cost = func(n int) time.Duration { return time.Duration(n) * 10 * time.Millisecond }
		r := start(t, f, Config{Sequences: 1, CtxPerSeq: 4000, Batch: 512})

		r.submit(t, 1, prompt(1, 10), 1000)
		r.submit(t, 2, prompt(2, 10), 10)
		synctest.Wait()
		r.Cancel(2) // waiting
		if e := r.end(2); e.Stop != engine.StopCancelled {
			t.Errorf("waiting: %+v", e)
		}
		time.Sleep(300 * time.Millisecond)
		began := time.Now()
		r.Cancel(1) // generating: the step is short, so it is waited for
		if e := r.end(1); e.Stop != engine.StopCancelled || time.Since(began) > 11*time.Millisecond {
			t.Errorf("generating: %+v after %v", e, time.Since(began))
		}
		r.Cancel(77) // unknown: nothing

		r.submit(t, 3, prompt(3, 3000), 10)
		time.Sleep(time.Second) // within a step of 5 s
		began = time.Now()
		r.Cancel(3)
		if e := r.end(3); e.Stop != engine.StopCancelled || time.Since(began) > time.Millisecond {
			t.Errorf("reading a long prompt: %+v after %v", e, time.Since(began))
		}
		r.submit(t, 4, prompt(3, 100), 10) // what the aborted step left does no harm
		r.end(4)
		if got := r.answer(4); got != want(prompt(3, 100), 10) {
			t.Errorf("after an abort: %q", got)
		}
	})
}

// TestCancel_OthersSurviveAnAbort: the step is given up for one sequence's sake
// and done again for the others.
func TestCancel_OthersSurviveAnAbort(t *testing.T) {
	for _, uncutable := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake(t)
			f.uncutable = uncutable
			f.cost = func(n int) time.Duration { return time.Duration(n) * 10 * time.Millisecond }
			r := start(t, f, Config{Sequences: 2, CtxPerSeq: 4000, Batch: 512, NoPrefixReuse: true})
			r.submit(t, 1, prompt(1, 700), 10)
			r.submit(t, 2, prompt(2, 700), 10)
			time.Sleep(time.Second)
			r.Cancel(1)
			r.end(1)
			r.end(2)
			if got := r.answer(2); got != want(prompt(2, 700), 10) {
				t.Errorf("uncutable %v: %q", uncutable, got)
			}
		})
	}
}

func TestRun_FailedSteps(t *testing.T) {
	f := newFake(t)
	broken := errors.New("code -3")
	f.fail = func(step int) error {
		if step == 2 || step > 10 {
			return broken
		}
		return nil
	}
	r := start(t, f, Config{Sequences: 1, CtxPerSeq: 400, Batch: 64})
	r.submit(t, 1, prompt(1, 10), 20)
	if e := r.end(1); !errors.Is(e.Err, ErrDecode) {
		t.Errorf("first failure: %+v", e)
	}
	r.submit(t, 2, prompt(1, 10), 3) // the context still works
	if e := r.end(2); e.Err != nil || r.answer(2) != want(prompt(1, 10), 3) {
		t.Errorf("after a failure: %+v", e)
	}
	for id := uint64(3); ; id++ {
		job := &Job{ID: id, Prompt: prompt(1, 10), MaxTokens: 20, Sampler: &fakeSampler{f: f}}
		r.mu.Lock()
		r.ends[id] = make(chan Event, 2)
		r.mu.Unlock()
		if err := r.Submit(job); err != nil {
			break // Run has given up
		}
		if e := r.end(id); e.Err == nil {
			t.Fatalf("job %d: %+v", id, e)
		}
	}
	err := <-r.done
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "3 steps in a row") {
		t.Errorf("Run: %v", err)
	}
	r.done <- nil // for the clean-up
}

// TestRun_NoToken: a job without a next token ends with what the context says, and the
// others go on.
func TestRun_NoToken(t *testing.T) {
	f := newFake(t)
	r := start(t, f, Config{Sequences: 2, CtxPerSeq: 400, Batch: 64})
	r.submit(t, 1, prompt(1, 10), 50)
	r.mu.Lock()
	r.ends[2] = make(chan Event, 2)
	r.mu.Unlock()
	none := errors.New("none")
	job := &Job{ID: 2, Prompt: prompt(2, 10), MaxTokens: 5, Sampler: &fakeSampler{f: f, err: none}}
	if err := r.Submit(job); err != nil {
		t.Fatal(err)
	}
	if e := r.end(2); !errors.Is(e.Err, none) {
		t.Errorf("%+v", e)
	}
	if e := r.end(1); e.Err != nil || e.Usage.CompletionTokens != 50 {
		t.Errorf("the other: %+v", e)
	}
}

func TestStop_EndsEverything(t *testing.T) {
	f := newFake(t)
	r := start(t, f, Config{Sequences: 1, CtxPerSeq: 40000, Batch: 64})
	r.submit(t, 1, prompt(1, 10), 30000)
	r.submit(t, 2, prompt(2, 10), 30000)
	r.Stop()
	for id := range uint64(2) {
		if e := r.end(id + 1); !errors.Is(e.Err, ErrClosed) {
			t.Errorf("job %d: %+v", id+1, e)
		}
	}
}

func TestJoiner(t *testing.T) {
	for _, c := range []struct {
		pieces []string
		want   string
		end    string
	}{
		{[]string{"plain ", "text"}, "plain |text|", ""},
		{[]string{"\xf0", "\x9f", "\x98", "\x80!"}, "|||\U0001f600!|", ""},
		{[]string{"a\xc3", "\xbc"}, "a|ü|", ""},
		{[]string{"\xff\xfe", "ok"}, "\ufffd\ufffd|ok|", ""},
		{[]string{"\xe4\xbd", "x"}, "|\ufffd\ufffdx|", ""},
		{[]string{"x\xe4\xbd"}, "x|", "\ufffd"},
	} {
		var j joiner
		got := ""
		for _, p := range c.pieces {
			got += string(j.push(p)) + "|"
		}
		if end := string(j.end()); got != c.want || end != c.end {
			t.Errorf("%q: %q and %q at the end, want %q and %q", c.pieces, got, end, c.want, c.end)
		}
	}
}

func FuzzJoiner(f *testing.F) {
	f.Add([]byte("ab\xf0\x9f\x98\x80\xff"), uint8(1))
	f.Fuzz(func(t *testing.T, b []byte, step uint8) {
		var j joiner
		got := ""
		for rest := b; len(rest) > 0; {
			n := min(len(rest), int(step%5)+1)
			got += string(j.push(string(rest[:n])))
			rest = rest[n:]
		}
		whole := joiner{}
		if want := string(whole.push(string(b))); got != want {
			t.Errorf("in pieces %q, whole %q", got, want)
		}
	})
}
