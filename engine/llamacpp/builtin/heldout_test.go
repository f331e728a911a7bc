package builtin_test

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"inferd/engine"
	"inferd/engine/llamacpp"
	"inferd/engine/llamacpp/builtin"
)

const (
	// leastRight is what the model must reach on questions it was not trained on.
	leastRight = 0.90
	// atOnce is how many questions the engine works on together.
	atOnce = 16
	// answerTokens is more than the longest story takes.
	answerTokens = 200
)

// libDir is where `make lib` puts the llama.cpp libraries.
func libDir(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("INFERD_LLAMA_LIB"); dir != "" {
		return dir
	}
	dir, err := filepath.Abs(filepath.Join("..", "..", "..", "lib", "llama"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); err != nil {
		t.Fatalf("the llama.cpp libraries are missing (%v); run `make lib`", err)
	}
	return dir
}

func start(t *testing.T) engine.Engine {
	t.Helper()
	e, err := llamacpp.New(t.Context(), llamacpp.Options{
		ModelBytes: builtin.Bytes(), ModelName: builtin.Name, Note: builtin.Note,
		NCtx: 1024, Parallel: atOnce, LibDir: libDir(t), Isolation: llamacpp.IsolationNone,
	}, engine.Hooks{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Stop(context.Background()); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	return e
}

type text struct{ strings.Builder }

func (s *text) Offer(piece []byte) error { return s.Token(piece, false) }

func (s *text) Token(piece []byte, _ bool) error {
	s.Write(piece)
	return nil
}

// ask returns the whole greedy answer; one without an end of its own is logged.
func ask(t *testing.T, e engine.Engine, messages []engine.Message) string {
	t.Helper()
	var got text
	result, err := e.Generate(t.Context(), &engine.Request{
		Messages: messages, MaxTokens: answerTokens, TopP: 1,
	}, &got)
	if err != nil {
		t.Errorf("generate: %v", err)
	}
	if result.Stop != engine.StopEnd {
		t.Logf("%q ends with %v", got.String(), result.Stop)
	}
	return got.String()
}

func TestQuestions(t *testing.T) {
	e := start(t)
	for _, q := range builtin.Questions() {
		got := ask(t, e, []engine.Message{{Role: "user", Content: q.Prompt}})
		if got != q.Answer {
			t.Errorf("%q is answered %q, want %q", q.Prompt, got, q.Answer)
		}
	}
}

// heldOut is one line of heldout.jsonl, which tools/tinymodel writes.
type heldOut struct {
	Category string
	Messages []engine.Message
	Answer   string   // the only right answer, or
	Contains []string // what a right answer holds
}

func (h heldOut) right(got string) bool {
	for _, part := range h.Contains {
		if !strings.Contains(got, part) {
			return false
		}
	}
	return len(h.Contains) > 0 || strings.TrimSpace(got) == h.Answer
}

func readHeldOut(t *testing.T) []heldOut {
	t.Helper()
	file, err := os.Open("heldout.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var all []heldOut
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var h heldOut
		if err := json.Unmarshal(lines.Bytes(), &h); err != nil {
			t.Fatalf("heldout.jsonl line %d: %v", len(all)+1, err)
		}
		all = append(all, h)
	}
	if len(all) < 100 {
		t.Fatalf("heldout.jsonl has %d questions, want at least 100", len(all))
	}
	return all
}

// TestHeldOut asks what the training text left out, through the real engine.
func TestHeldOut(t *testing.T) {
	e, questions := start(t), readHeldOut(t)
	answers := make([]string, len(questions))
	var wait sync.WaitGroup
	for worker := range atOnce {
		wait.Go(func() {
			for i := worker; i < len(questions); i += atOnce {
				answers[i] = ask(t, e, questions[i].Messages)
			}
		})
	}
	wait.Wait()

	asked, right, all := map[string]int{}, map[string]int{}, 0
	for i, q := range questions {
		asked[q.Category]++
		if q.right(answers[i]) {
			right[q.Category]++
			all++
			continue
		}
		prompt := q.Messages[len(q.Messages)-1].Content
		t.Logf("%s: %q is answered %q, want %q %q", q.Category, prompt, answers[i], q.Answer, q.Contains)
	}
	for category, n := range asked {
		t.Logf("%-12s %d of %d", category, right[category], n)
	}
	if share := float64(all) / float64(len(questions)); share < leastRight {
		t.Errorf("%d of %d held-out questions are answered right (%.1f%%), want at least %.0f%%",
			all, len(questions), 100*share, 100*leastRight)
	}
}
