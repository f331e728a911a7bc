package codec

import "sync"

// The frame types that this version knows.
const (
	typeToken  = "token"
	typeDone   = "done"
	typeError  = "error"
	typeStatus = "status"
)

// Frame is one response frame of any type; what its type does not have is zero.
type Frame struct {
	Type       string `json:"type"`
	ID         string `json:"id"`
	Content    string `json:"content"`
	Code       string `json:"code"`
	Message    string `json:"message"`
	StopReason string `json:"stop_reason"`
	Backend    string `json:"backend"`
	Status     string `json:"status"`
	Usage      Usage  `json:"usage"`

	// Of a queue_full error, see [AppendQueueFull].
	RetryAfterMS uint64 `json:"retry_after_ms"`
	Active       int    `json:"active"`
	Queued       int    `json:"queued"`
}

// Terminal tells whether f ends its request.
func (f *Frame) Terminal() bool { return f.Type == typeDone || f.Type == typeError }

// frameType is a Frame of which only the type is wanted.
type frameType struct {
	Type string `json:"type"`
}

// known tells whether this version knows what a frame of type t has in it.
func known(t string) bool {
	switch t {
	case typeToken, typeDone, typeError, typeStatus:
		return true
	}
	return false
}

// filler puts the values of a line that the scan has passed into v, a *Frame or a
// *frameType. Keys are case-sensitive; null changes nothing. It may
// use the byte behind the line, and leaves v half done on an error. That error
// may quote the line and keep it alive: it goes no further.
type filler interface {
	fill(line []byte, v any) error
}

// FrameDecoder decodes response lines for a client. It belongs to one goroutine.
//
// It insists on valid JSON, and on the types of the keys that it knows in frames
// that it knows. Unknown keys, unknown frame types with whatever in them, missing
// keys other than type, null values and repeated keys pass. Of a frame of unknown
// type only Type is set.
type FrameDecoder struct {
	scan  scanner
	json  filler
	frame Frame
}

// NewFrameDecoder returns a FrameDecoder; the first one of a process takes some
// milliseconds.
func NewFrameDecoder() *FrameDecoder {
	warmFrame()
	return newFrameDecoder()
}

func newFrameDecoder() *FrameDecoder { return &FrameDecoder{json: newFiller()} }

// warmFrame makes the JSON library compile its decoder for frames.
var warmFrame = sync.OnceFunc(func() {
	_, _ = newFrameDecoder().Decode([]byte(`{"type":"token","id":"","content":"\n"}` + "\n"))
})

// Decode decodes one line, given without its '\n'. The Frame and its strings,
// which point into line, are good until the next Decode or until line's bytes
// change. The error is a [*DecodeError].
//
// One byte behind the line should be readable, cap(line) > len(line), as it is
// where the '\n' was; a line without it is copied first.
func (d *FrameDecoder) Decode(line []byte) (*Frame, error) {
	line = padded(line)
	d.scan.reset(line)
	bad := d.scan.frame()
	d.scan.line = nil
	f := &d.frame
	*f = Frame{}
	if bad != nil {
		return nil, bad
	}
	if err := d.json.fill(line, f); err != nil {
		return d.foreign(line)
	}
	if f.Type == "" {
		return nil, errFrameType
	}
	if !known(f.Type) {
		*f = Frame{Type: f.Type}
	}
	return f, nil
}

// foreign decodes a line that has a known key with a value of another type, which
// is fine in a frame of an unknown type. A line is looked at afresh by the standard
// library because sonic may have stopped before the type.
func (d *FrameDecoder) foreign(line []byte) (*Frame, error) {
	var t frameType
	if err := (stdFiller{}).fill(line, &t); err != nil || known(t.Type) {
		return nil, errFrameValue
	}
	if t.Type == "" {
		return nil, errFrameType
	}
	d.frame = Frame{Type: t.Type}
	return &d.frame, nil
}

// padded returns line with a readable byte behind it, in a copy if need be: a
// filler may read one byte too far. It never makes anything of that byte.
func padded(line []byte) []byte {
	if cap(line) > len(line) {
		return line
	}
	return append(line, '\n')[:len(line)]
}
