package codec

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// plainAnswer is what an answer of these tokens has to be.
func plainAnswer(id string, tokens [][]byte) string {
	var out, content []byte
	for _, text := range tokens {
		escaped := AppendEscaped(nil, text)
		content = append(content, escaped...)
		out = fmt.Appendf(out, `{"type":"token","id":%s,"content":"%s"}`+"\n", AppendQuoted(nil, id), escaped)
	}
	return string(fmt.Appendf(out, `{"type":"done","id":%s,"content":"%s","usage":{"prompt_tokens":1,`+
		`"completion_tokens":%d},"stop_reason":"end","backend":"b"}`+"\n",
		AppendQuoted(nil, id), content, len(tokens)))
}

func checkAnswer(t *testing.T, a *Answer, id string, tokens [][]byte) {
	t.Helper()
	a.Begin(id)
	for _, text := range tokens {
		a.Token(text)
	}
	a.Done(Usage{1, uint32(len(tokens))}, "end", "b")
	if got, want := string(a.Frames), plainAnswer(id, tokens); got != want {
		t.Fatalf("id %q, tokens %q:\n%s, want\n%s", id, tokens, got, want)
	}
}

// Every byte at every place of a token of up to two words, and after the words' ends.
func TestAnswer_Token(t *testing.T) {
	var a Answer
	for c := range 256 {
		for n := 1; n <= 17; n++ {
			for at := range n {
				text := []byte(strings.Repeat("x", n))
				text[at] = byte(c)
				a.Trim(1 << 20)
				checkAnswer(t, &a, "r1", [][]byte{text, []byte("é"), nil, text, text})
			}
		}
	}
}

// With every amount of spare room, whose bytes are not the answer's.
func TestAnswer_SpareRoom(t *testing.T) {
	for _, id := range []string{"", "r", "four", strings.Repeat("long", 30), "\n\"é"} {
		for spare := range 120 {
			var a Answer
			frames := bytes.Repeat([]byte{'#'}, 200)
			content := bytes.Repeat([]byte{'#'}, 20)
			a.Frames, a.content = frames[0:0:spare], content[0:0:spare%20]
			checkAnswer(t, &a, id, [][]byte{[]byte("12345678"), []byte(" to"), []byte("\n")})
			if bytes.Trim(frames[spare:], "#") != nil || bytes.Trim(content[spare%20:], "#") != nil {
				t.Fatalf("id %q: written beyond %d bytes of room", id, spare)
			}
		}
	}
}

// The frames' memory changes hands when they are sent, and an answer shows nothing of
// the one before it.
func TestAnswer_Reuse(t *testing.T) {
	var a Answer
	checkAnswer(t, &a, "the first", [][]byte{[]byte("secret"), []byte(" text")})
	sent := a.Frames
	a.Frames = nil
	a.Trim(1 << 20)
	checkAnswer(t, &a, "2nd", [][]byte{[]byte("a"), []byte("b")})
	if !strings.Contains(string(sent), "secret") {
		t.Errorf("what was taken out has become %s", sent)
	}
	a.Begin("3")
	a.Trim(16)
	if a.Frames != nil || a.content != nil || a.head != nil {
		t.Error("memory beyond the limit is kept")
	}
}

// A client that wants its text whole gets one frame.
func TestAnswer_Add(t *testing.T) {
	var a Answer
	a.Begin("r1")
	a.Add([]byte("one\n"))
	a.Add([]byte("\xfftwo"))
	a.Done(Usage{}, "length", "b")
	want := string(doneFrame("r1", "one\n\xfftwo", Usage{}, "length", "b"))
	if got := string(a.Frames); got != want || strings.Count(got, "\n") != 1 {
		t.Errorf("got %s, want %s", got, want)
	}
}

// What is taken back was never there.
func TestAnswer_Undo(t *testing.T) {
	var a Answer
	a.Begin("r1")
	a.Token([]byte("one"))
	for _, text := range []string{" two", strings.Repeat("long ", 100), "\n\xff", ""} {
		m := a.Mark()
		a.Token([]byte(text))
		a.Undo(m)
	}
	a.Token([]byte(" three"))
	a.Done(Usage{1, 2}, "end", "b")
	if got, want := string(a.Frames), plainAnswer("r1", [][]byte{[]byte("one"), []byte(" three")}); got != want {
		t.Errorf("got\n%s, want\n%s", got, want)
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add("r1", []byte("one two three"), 3)
	f.Add("é\"", []byte("日本語\xff\x00\""), 8)
	var a Answer
	f.Fuzz(func(t *testing.T, id string, text []byte, size int) {
		var tokens [][]byte
		for size = max(1, size); len(text) > 0; {
			n := min(size, len(text))
			tokens = append(tokens, text[:n])
			text = text[n:]
		}
		a.Trim(1 << 12)
		checkAnswer(t, &a, id, tokens)
	})
}
