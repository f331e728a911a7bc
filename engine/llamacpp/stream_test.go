package llamacpp

import (
	"errors"
	"slices"
	"testing"

	"inferd/engine"
	"inferd/engine/llamacpp/internal/sched"
)

// roomSink has room for so many offers. What it is given it notes with how it was.
type roomSink struct {
	room int
	got  []string
	err  error // what it answers instead, if set
	// during, if set, is called while a token is taken.
	during func()
}

func (s *roomSink) note(how string, text []byte) error {
	if s.err != nil {
		return s.err
	}
	s.got = append(s.got, how+string(text))
	if s.during != nil {
		s.during()
	}
	return nil
}

func (s *roomSink) Token(text []byte, more bool) error {
	if more {
		return s.note("more ", text)
	}
	return s.note("token ", text)
}

func (s *roomSink) Offer(text []byte) error {
	if s.room--; s.room < 0 && s.err == nil {
		return engine.ErrFull
	}
	return s.note("offer ", text)
}

func (s *stream) say(text string) { s.put(sched.Event{Text: []byte(text)}) }

// TestStream: tokens go straight to the sink while it has room, and else through the
// mailbox, in order; the last text leaves with the answer's end.
func TestStream(t *testing.T) {
	out := &roomSink{room: 2}
	s := newStream(out)
	var b batch
	expect := func(wantDone bool, want ...string) {
		t.Helper()
		woken := len(s.wake) == 1
		if woken != (len(want) > 0 && want[0][:5] != "offer") {
			t.Errorf("woken: %v", woken)
		}
		if woken {
			<-s.wake
			if done, err := s.empty(&b); done != wantDone || err != nil {
				t.Errorf("done %v, %v", done, err)
			}
		}
		if !slices.Equal(out.got, want) {
			t.Errorf("got %q, want %q", out.got, want)
		}
		out.got = nil
	}
	s.say("a")
	s.say("b")
	expect(false, "offer a", "offer b")
	s.say("c") // no room
	s.say("d") // behind it
	expect(false, "more c", "token d")
	out.room = 10
	s.say("e")
	expect(false, "offer e")

	out.room = 0
	s.say("f")
	out.room = 10
	out.during = func() { // the sink is the request's while it is emptied
		out.during = nil
		s.say("g")
	}
	expect(false, "token f")
	expect(false, "token g")

	s.put(sched.Event{Text: []byte("h"), Done: true, Stop: engine.StopLength})
	s.say("too late")
	expect(true, "more h")
	if !s.started || s.last.Stop != engine.StopLength {
		t.Errorf("started %v, last %+v", s.started, s.last)
	}
}

// TestStream_Unwanted: once the sink has failed, or the request was given up, nothing
// goes to it; the end is still told.
func TestStream_Unwanted(t *testing.T) {
	gone := errors.New("gone")
	f := func(name string, fail func(*stream, *roomSink)) {
		t.Run(name, func(t *testing.T) {
			out := &roomSink{room: 100}
			s := newStream(out)
			var b batch
			fail(s, out)
			if done, err := s.empty(&b); done || err != gone {
				t.Errorf("done %v, %v", done, err)
			}
			out.err = nil
			s.say("b")
			s.put(sched.Event{Text: []byte("c"), Done: true})
			if done, err := s.empty(&b); !done || err != gone || len(out.got) != 0 {
				t.Errorf("done %v, %v, %q", done, err, out.got)
			}
			if len(s.wake) != 1 {
				t.Error("nobody was told")
			}
		})
	}
	f("offered", func(s *stream, out *roomSink) {
		out.err = gone
		s.say("a")
		if len(s.wake) != 1 {
			t.Error("the request does not learn of it")
		}
	})
	f("passed on", func(s *stream, out *roomSink) {
		out.room = 0
		s.say("a")
		out.err = gone
	})
	f("given up", func(s *stream, _ *roomSink) { s.fail(gone) })
}
