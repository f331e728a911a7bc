package client

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// FuzzLineReader compares with strings.Split, however the input is cut up.
func FuzzLineReader(f *testing.F) {
	f.Add("a\nb\n", false)
	f.Add("\n\nlast", true)
	f.Add(strings.Repeat("x", readBufferBytes+1)+"\ny\n", false)
	f.Fuzz(func(t *testing.T, in string, oneByOne bool) {
		var source io.Reader = strings.NewReader(in)
		if oneByOne {
			source = iotest.OneByteReader(source)
		}
		lines := newLineReader(source)
		for rest := in; ; {
			line, err := lines.next()
			want, after, found := strings.Cut(rest, "\n")
			if !bytes.Equal(line, []byte(want)) {
				t.Fatalf("line %q, want %q", line, want)
			}
			if cap(line) <= len(line) {
				t.Fatalf("no readable byte behind %q", line)
			}
			if !found {
				if err != io.EOF {
					t.Fatalf("error %v at the end, want io.EOF", err)
				}
				return
			}
			if err != nil {
				t.Fatalf("error %v within the input", err)
			}
			rest = after
		}
	})
}

// FuzzParseEvent: any line gives an event or errBadEvent, never a panic.
func FuzzParseEvent(f *testing.F) {
	for _, line := range []string{adminLoading, adminCapabilities, "{", "null", `{"type":1}`} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		event, err := parseEvent(line)
		if err == nil && event.Fields == nil {
			t.Fatal("no error and no fields")
		}
	})
}
