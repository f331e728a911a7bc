package openaicompat

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/tmaxmax/go-sse"
)

func readEvents(r io.Reader) (events []string, err error) {
	reader := newEventReader(bufio.NewReader(r))
	for {
		data, err := reader.next()
		if err != nil {
			return events, err
		}
		events = append(events, string(data))
	}
}

func TestEventReader(t *testing.T) {
	f := func(in string, want ...string) {
		t.Helper()
		got, err := readEvents(strings.NewReader(in))
		if err != io.EOF {
			t.Errorf("%q: %v, want EOF", in, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q:\n%s", in, diff)
		}
	}
	f("")
	f("\n\r\n\n")
	f("data: a\n\n", "a")
	f("data:a\n\n", "a")
	f("data:  a \n\n", " a ") // only one space belongs to the syntax
	f("data: a\r\n\r\ndata: b\r\n\r\n", "a", "b")
	f("data: a\ndata: b\n\n", "a\nb")
	f("data\n\n", "")
	f("data:\ndata:\n\n", "\n")
	f(": comment\nevent: x\nid: 7\nretry: 1\n\n")
	f("data: a\n: comment\ndata: b\n\n", "a\nb")
	f("dat: a\nDATA: a\n data: a\ndatax: a\n\n")
	f("\xef\xbb\xbfdata: a\n\n", "a")
	f("data: a\n\n\xef\xbb\xbfdata: b\n\n", "a") // a mark only counts at the start
	f("\n\xef\xbb\xbfdata: a\n\n")
	f("data: a", "a") // the end ends an event, too
	f("data: a\n", "a")
	f("data: a:b: c\n\n", "a:b: c")
	f("data: "+strings.Repeat("x", 100_000)+"\n\ndata: b\n\n", strings.Repeat("x", 100_000), "b")
}

func TestEventReader_Failure(t *testing.T) {
	f := func(r io.Reader, want error) {
		t.Helper()
		if _, err := readEvents(r); !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
	}
	long := strings.Repeat("x", maxEventBytes)
	f(strings.NewReader("data: "+long+"\n\n"), errEventTooLarge)
	f(strings.NewReader(long+long), errEventTooLarge)
	f(strings.NewReader(strings.Repeat("data: "+long[:maxEventBytes/2]+"\n", 3)), errEventTooLarge)
	f(io.MultiReader(strings.NewReader("data: a\n"), iotest.ErrReader(io.ErrUnexpectedEOF)),
		io.ErrUnexpectedEOF)
}

// FuzzEventReader compares with tmaxmax/go-sse where the two agree by design:
// see eventReader for the differences, which the input is freed of.
func FuzzEventReader(f *testing.F) {
	for _, seed := range []string{
		"data: a\n\ndata: b\n\n", "data:a\r\ndata: b\r\n\r\n", ": c\n\ndata\n\n",
		"id: 1\nevent: x\ndata: a\n\n", "\xef\xbb\xbfdata: a\n\n", "data: a", "retry: 5\n\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		in = bytes.ReplaceAll(in, []byte("\r\n"), []byte("\n"))
		in = bytes.ReplaceAll(in, []byte("\r"), nil)
		in = bytes.TrimLeft(in, "\n") // it takes a byte order mark after blank lines for one at the start
		in = append(in, "\n\n"...)
		var want []string
		for event, err := range sse.Read(bytes.NewReader(in), nil) {
			if err != nil {
				return // its event limit is lower
			}
			if event.Data != "" { // it also yields events that only have a name
				want = append(want, event.Data)
			}
		}
		for _, r := range []io.Reader{
			bytes.NewReader(in), iotest.OneByteReader(bytes.NewReader(in)),
			bytes.NewReader(bytes.ReplaceAll(in, []byte("\n"), []byte("\r\n"))),
		} {
			var got []string
			events, err := readEvents(r)
			if err != io.EOF {
				t.Fatalf("%v, want EOF", err)
			}
			for _, event := range events {
				if event != "" {
					got = append(got, event)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("go-sse and ours differ on %q:\n%s", in, diff)
			}
		}
	})
}
