package load

import (
	"bytes"

	"inferd/codec"
)

// slotState is what the generator knows about one connection.
type slotState struct {
	open    bool
	slow    bool // reads at SlowRate
	busy    bool // a request is on its way
	hangUp  bool // that request is to be abandoned
	counted bool // it falls into the measurement
	resting bool // queued in generator.idle

	// times of the request in nanoseconds since the generator's start
	due        int64 // when it should have been sent
	firstAfter int64 // from due to the first frame
	lastFrame  int64 // the latest frame's arrival; 0 before the first

	partial []byte // the beginning of an unfinished line, at most keptLineBytes
	skipped bool   // more of it came than was kept
}

// frameKind is what a response line is to the generator.
type frameKind uint8

const (
	frameOther frameKind = iota // to be ignored
	frameToken
	frameDone
	frameError
)

// typePrefix begins every line of a server that keeps the wire's key order,
// which tells the frame's type without decoding it.
var (
	typePrefix = []byte(`{"type":"`)
	quote      = []byte{'"'}
)

// longestType is the length of the longest name that kindNamed knows.
const longestType = len("token")

// kindOf classifies a line.
func kindOf(line []byte, decoder *codec.FrameDecoder) frameKind {
	if rest, ok := bytes.CutPrefix(line, typePrefix); ok {
		name, _, _ := bytes.Cut(rest[:min(len(rest), longestType+1)], quote)
		return kindNamed(string(name))
	}
	frame, err := decoder.Decode(line)
	if err != nil {
		return frameOther
	}
	return kindNamed(frame.Type)
}

func kindNamed(name string) frameKind {
	switch name {
	case "token":
		return frameToken
	case "done":
		return frameDone
	case "error":
		return frameError
	}
	return frameOther
}

// eachLine cuts data into lines, joining the first with what the slot kept, and
// calls f for each until f returns false. Of a line that spans reads only the
// first keptLineBytes reach f, which tell no frame's type if it does not stand
// first in them.
func (s *slotState) eachLine(data []byte, f func(line []byte) bool) {
	for len(data) > 0 {
		end := bytes.IndexByte(data, '\n')
		if end < 0 {
			s.keep(data)
			return
		}
		line := data[:end:end]
		data = data[end+1:]
		if len(s.partial) > 0 || s.skipped {
			s.keep(line)
			line = s.partial
			s.partial, s.skipped = s.partial[:0], false
		}
		if !f(line) {
			return
		}
	}
}

func (s *slotState) keep(data []byte) {
	room := keptLineBytes - len(s.partial)
	if len(data) > room {
		data, s.skipped = data[:room], true
	}
	s.partial = append(s.partial, data...)
}
