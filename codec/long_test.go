package codec

import (
	"bytes"
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/atomic"
)

// TestDecodeLong holds it against the reference where lines are long: runs without
// an escape around the size of a piece, all kinds of escapes, many messages.
func TestDecodeLong(t *testing.T) {
	d := NewDecoder()
	f := func(name, line string) {
		t.Helper()
		want, refused := refDecode([]byte(line))
		given := lineOf(line)
		got, err := d.DecodeLong(given)
		if (err == nil) != (refused == nil) {
			t.Errorf("%s: %v; reference: %v", name, err, refused)
			return
		}
		if err != nil {
			return
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got): %.2000s", name, diff)
		}
		for i := range got.Messages {
			if s := got.Messages[i].Content; s != "" && !within(s, given) {
				t.Errorf("%s: message %d was copied", name, i)
			}
		}
	}
	f("full", fullRequest)
	f("role and id", `{"i\u0064":"\u0041\/","messages":[{"role":"\u0075ser","content":"\ud83d\ude00é\\"}]}`)
	f("all escapes", `{"messages":[{"role":"user","content":"\"\\\/\b\f\n\r\t\u0000\u00e9\u20ac\ud83d\ude00"}]}`)
	f("lone surrogate", `{"messages":[{"role":"user","content":"\ud83d"}]}`)
	f("ends early", `{"messages":[{"role":"user","content":"\n`)
	for _, n := range []int{
		turnBytes - 2, turnBytes - 1, turnBytes, turnBytes + 1, 2*turnBytes + 7, pieceBytes + 1,
	} {
		run := strings.Repeat("x", n)
		f("run", `{"messages":[{"role":"user","content":"`+run+`\n`+run+`\u00e9`+run+`"}]}`)
	}
	f("messages", `{"id":"\n","messages":[`+strings.Repeat(`{"role":"user","content":"a\tb"},`, 5000)+
		`{"role":"system","content":"plain"}],"grammar":"g\"g"}`)
	f("a role at the end of many", `{"messages":[`+strings.Repeat(`{"role":"user","content":""},`, 5000)+
		`{"role":"bot","content":""}]}`)
	f("small again", `{`+hi+`}`)
}

// TestDecodeLong_GivesTurns: whatever a long line is made of, others that wait for the
// processor run now and then.
func TestDecodeLong_GivesTurns(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	const size = 64 * turnBytes
	f := func(name, unit, format string) {
		t.Helper()
		line := lineOf(fmt.Sprintf(format, strings.Repeat(unit, size/len(unit))))
		var turns, decoded atomic.Int64
		done := make(chan struct{})
		go func() {
			defer close(done)
			for decoded.Load() == 0 {
				turns.Inc()
				runtime.Gosched()
			}
		}()
		_, err := NewDecoder().DecodeLong(line)
		decoded.Store(1)
		<-done
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		// One for each turnBytes but the last, and a little more lies between them.
		if got := turns.Load(); got < size/turnBytes*9/10 {
			t.Errorf("%s: %d turns", name, got)
		}
	}
	const text = `{"messages":[{"role":"user","content":"%s"}]}`
	f("plain", "x", text)
	f("not ASCII", "é", text)
	f("escapes", `\n`, text)
	f("an escape and plain", "x", `{"messages":[{"role":"user","content":"\n%s"}]}`)
	f("messages", `{"role":"user","content":"a"},`, `{"messages":[%s{"role":"user","content":""}]}`)
	f("ignored array", `1,`, `{"messages":[{"role":"user","content":""}],"x":[%s1]}`)
	f("ignored object", `"a":[],`, `{"messages":[{"role":"user","content":""}],"x":{%s"b":1}}`)
}

// TestDecodeLong_TakesNoMemory: what has to be written out is written where it is.
func TestDecodeLong_TakesNoMemory(t *testing.T) {
	text, err := json.Marshal(strings.Repeat("a \"quoted\" line\n", 1<<16))
	if err != nil {
		t.Fatal(err)
	}
	line := lineOf(`{"messages":[{"role":"user","content":` + string(text) + `}]}`)
	d, work := NewDecoder(), make([]byte, 0, len(line)+1)
	if n := testing.AllocsPerRun(10, func() {
		if _, err := d.DecodeLong(append(work[:0], line...)); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestValidText: characters of all lengths, whole and cut, across the pieces.
func TestValidText(t *testing.T) {
	for _, unit := range []string{"é", "€", "😀", "\x80", "\xff", "\xe2\x82", "\x80\x80\x80\x80\x80"} {
		for before := pieceBytes - 6; before <= pieceBytes+1; before++ {
			text := append(bytes.Repeat([]byte("x"), before), unit...)
			text = append(text, strings.Repeat("y", 100)...)
			if got, want := validText(text), utf8.Valid(text); got != want {
				t.Errorf("%q after %d bytes: %v", unit, before, got)
			}
		}
	}
}
