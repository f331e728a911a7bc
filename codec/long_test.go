package codec

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
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
	for _, n := range []int{pieceBytes - 2, pieceBytes - 1, pieceBytes, pieceBytes + 1, 2*pieceBytes + 7} {
		run := strings.Repeat("x", n)
		f("run", `{"messages":[{"role":"user","content":"`+run+`\n`+run+`\u00e9`+run+`"}]}`)
	}
	f("messages", `{"id":"\n","messages":[`+strings.Repeat(`{"role":"user","content":"a\tb"},`, 5000)+
		`{"role":"system","content":"plain"}],"grammar":"g\"g"}`)
	f("a role at the end of many", `{"messages":[`+strings.Repeat(`{"role":"user","content":""},`, 5000)+
		`{"role":"bot","content":""}]}`)
	f("small again", `{`+hi+`}`)
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
