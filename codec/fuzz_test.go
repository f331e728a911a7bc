package codec

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// FuzzDecode holds both unquoters against the reference: they accept the same lines
// and make the same of them. The decoders are reused, so that what one line
// leaves behind would show in another.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(fullRequest))
	f.Add([]byte(`{"id":"r1",` + hi + `}`))
	f.Add([]byte(`{"\u0069d":"\ud83d\ude00","messages":[],"x":[{"":1e999}],"top_k":null}`))
	f.Add([]byte(" {\t\"messages\"\r:[\n] } "))
	decoders := map[string]*Decoder{"build": NewDecoder(), "stdjson": {unquote: goUnquote}}
	long := NewDecoder()
	f.Fuzz(func(t *testing.T, line []byte) {
		want, refused := refDecode(line)
		for name, d := range decoders {
			given := lineOf(string(line))
			got, err := d.Decode(given)
			if !bytes.Equal(given, line) {
				t.Fatalf("%s writes to its line", name)
			}
			if (err == nil) != (refused == nil) {
				t.Fatalf("%s: %v; reference: %v", name, err, refused)
			}
			if err != nil {
				checkReason(t, line, err)
				continue
			}
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("%s (-reference +got):\n%s", name, diff)
			}
			got.MoveTo(nil)
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("%s, moved (-reference +got):\n%s", name, diff)
			}
		}
		got, err := long.DecodeLong(lineOf(string(line)))
		if (err == nil) != (refused == nil) {
			t.Fatalf("long: %v; reference: %v", err, refused)
		}
		if err != nil {
			checkReason(t, line, err)
		} else if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("long (-reference +got):\n%s", diff)
		}
	})
}

// FuzzValidUTF8 holds the build's check against the standard library's.
func FuzzValidUTF8(f *testing.F) {
	for _, text := range []string{
		"é€😀", "\xff", "\xc0\x80", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf",
		"\xf4\x90\x80\x80", "\xe2\x82", "\xef\xbf\xbd", "\x80",
	} {
		f.Add([]byte(text), uint8(31))
	}
	f.Fuzz(func(t *testing.T, text []byte, shift uint8) {
		// At the beginning, after some ASCII, across vectors, and at the end.
		long := append(bytes.Repeat([]byte("x"), int(shift)), text...)
		for _, s := range [][]byte{text, long, append(lineOf(string(long)), "0123456789"...)} {
			if got, want := validUTF8(s), utf8.Valid(s); got != want {
				t.Fatalf("validUTF8(%q) = %v", s, got)
			}
		}
	})
}

// checkReason tells whether err is one of the fixed reasons: short, plain ASCII
// and not made of the line.
func checkReason(t *testing.T, line []byte, err error) {
	t.Helper()
	var bad *DecodeError
	if !errors.As(err, &bad) {
		t.Fatalf("%T instead of a *DecodeError", err)
	}
	for _, known := range []*DecodeError{
		errEmpty, errBOM, errNotObject, errTruncated, errSyntax, errTrailing, errDepth, errUTF8,
		errSurrogate, errControl, errEscape, errNumber, errRange, errRole, errElement,
		errFrameType, errFrameValue,
	} {
		if bad == known {
			return
		}
	}
	for f := range fieldUnknown {
		if bad == errType[f] || bad == errDuplicate[f] || bad == errMissing[f] {
			return
		}
	}
	t.Fatalf("%q is not one of the fixed reasons", bad.Reason)
}

// FuzzFrameDecode holds both fillers against each other, and the lines they take
// against encoding/json's grammar.
func FuzzFrameDecode(f *testing.F) {
	id := AppendQuoted(nil, "r1")
	f.Add(tokenFrame("r1", `caf\u00e9`))
	f.Add(doneFrame("r1", "abc", Usage{1, 2}, "end", "mock"))
	f.Add(AppendQueueFull(nil, id, 1, 2, 3))
	f.Add([]byte(`{"usage":null,"content":{"a":[1]},"type":"later"}`))
	build, std := NewFrameDecoder(), &FrameDecoder{json: stdFiller{}}
	f.Fuzz(func(t *testing.T, line []byte) {
		got, err := build.Decode(lineOf(string(line)))
		if err != nil {
			checkReason(t, line, err)
		} else if !json.Valid(line) || !utf8.Valid(line) {
			t.Fatal("accepts what is not JSON")
		}
		if json.Valid(line) && repeatsAnyKey(line) {
			return // what counts is not specified
		}
		want, stdErr := std.Decode(lineOf(string(line)))
		if (err == nil) != (stdErr == nil) {
			t.Fatalf("build: %v; stdjson: %v", err, stdErr)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("(-stdjson +build):\n%s", diff)
		}
	})
}

// repeatsAnyKey tells whether an object that a frame knows has a key twice.
func repeatsAnyKey(line []byte) bool {
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.UseNumber()
	top, _ := refValue(dec).([]refMember)
	seen := map[string]bool{}
	for _, m := range top {
		if seen[m.key] {
			return true
		}
		seen[m.key] = true
		usage, _ := m.value.([]refMember)
		if refRepeats(usage, "prompt_tokens", "completion_tokens") {
			return true
		}
	}
	return false
}

// FuzzRoundTrip sends what a client writes through the daemon's decoder, and the
// daemon's answer through encoding/json and the client's decoder.
func FuzzRoundTrip(f *testing.F) {
	f.Add("r1", "be \"terse\"", "hi\n", "root ::= [0-9]+", uint32(1), 0.5)
	f.Add("\xff", "\x00\u2028", strings.Repeat("x", 100)+"\\", "", uint32(1<<32-1), -1e300)
	d, fd := NewDecoder(), NewFrameDecoder()
	f.Fuzz(func(t *testing.T, id, system, user, grammar string, n uint32, x float64) {
		line := AppendRequest(nil, id, []Message{{"system", system}, {"user", user}}, RequestOptions{
			Temperature: &x, MaxTokens: &n, Grammar: grammar,
		})
		r, err := d.Decode(line[:len(line)-1])
		if err != nil {
			t.Fatalf("Decode(%s): %v", line, err)
		}
		clean := func(s string) string { return string([]rune(s)) } // U+FFFD for bad bytes
		want := request(func(r *Request) {
			r.ID, r.Grammar, r.MaxTokens = clean(id), clean(grammar), n
			r.Messages = []Message{{"system", clean(system)}, {"user", clean(user)}}
			if x-x == 0 { // neither NaN nor infinite
				r.Temperature = x
			}
		})
		if diff := cmp.Diff(want, r, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}

		out := doneFrame(r.ID, user, Usage{n, n}, "end", "mock")
		frame, err := fd.Decode(out[:len(out)-1])
		if err != nil {
			t.Fatalf("Decode(%s): %v", out, err)
		}
		var std Frame
		if err := json.Unmarshal(out, &std); err != nil {
			t.Fatalf("encoding/json on %s: %v", out, err)
		}
		if diff := cmp.Diff(&std, frame); diff != "" {
			t.Fatalf("(-encoding/json +got):\n%s", diff)
		}
		if frame.ID != clean(id) || frame.Content != clean(user) {
			t.Fatalf("id %q, content %q come back as %q, %q", id, user, frame.ID, frame.Content)
		}
	})
}
