package codec

import (
	"math"
	"strconv"
	"sync"
)

// RequestOptions are a request's optional values as a client sends them; nil and
// "" are left out, so that the daemon's defaults apply.
type RequestOptions struct {
	Temperature, TopP                 *float64 // NaN and infinities are sent as null
	TopK, MaxTokens, ImageTokenBudget *uint32
	Stream                            *bool
	Grammar                           string
}

// AppendRequest appends one request line as a client writes it, '\n' included.
// An empty id is left out. See [CheckWritable] for its length.
func AppendRequest(dst []byte, id string, msgs []Message, o RequestOptions) []byte {
	dst = append(dst, '{')
	if id != "" {
		dst = append(dst, `"id":`...)
		dst = AppendQuoted(dst, id)
		dst = append(dst, ',')
	}
	dst = append(dst, `"messages":[`...)
	for i := range msgs {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"role":`...)
		dst = AppendQuoted(dst, msgs[i].Role)
		dst = append(dst, `,"content":`...)
		dst = AppendQuoted(dst, msgs[i].Content)
		dst = append(dst, '}')
	}
	dst = append(dst, ']')
	dst = appendFloat(dst, `,"temperature":`, o.Temperature)
	dst = appendFloat(dst, `,"top_p":`, o.TopP)
	dst = appendUint32(dst, `,"top_k":`, o.TopK)
	dst = appendUint32(dst, `,"max_tokens":`, o.MaxTokens)
	if o.Stream != nil {
		dst = append(dst, `,"stream":`...)
		dst = strconv.AppendBool(dst, *o.Stream)
	}
	dst = appendUint32(dst, `,"image_token_budget":`, o.ImageTokenBudget)
	if o.Grammar != "" {
		dst = append(dst, `,"grammar":`...)
		dst = AppendQuoted(dst, o.Grammar)
	}
	return append(dst, "}\n"...)
}

func appendFloat(dst []byte, key string, v *float64) []byte {
	if v == nil {
		return dst
	}
	dst = append(dst, key...)
	if math.IsNaN(*v) || math.IsInf(*v, 0) {
		return append(dst, "null"...) // JSON has no such number
	}
	return strconv.AppendFloat(dst, *v, 'g', -1, 64)
}

func appendUint32(dst []byte, key string, v *uint32) []byte {
	if v == nil {
		return dst
	}
	dst = append(dst, key...)
	return strconv.AppendUint(dst, uint64(*v), 10)
}

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

// known tells whether this version knows what f's keys mean.
func (f *Frame) known() bool {
	switch f.Type {
	case typeToken, typeDone, typeError, typeStatus:
		return true
	}
	return false
}

// FrameDecoder decodes response lines for a client. It belongs to one goroutine.
//
// It insists on valid JSON, and on the types of the keys that it knows in frames
// that it knows. Unknown keys, unknown frame types with whatever in them, missing
// keys other than type, null values and repeated keys (the last one counts) pass.
type FrameDecoder struct {
	scan  scanner
	fill  *filler
	frame Frame
	tail  []byte // stands in for a line with no byte behind it
}

// NewFrameDecoder returns a FrameDecoder; the first one of a process takes some
// milliseconds.
func NewFrameDecoder() *FrameDecoder {
	warmFrame()
	return newFrameDecoder()
}

func newFrameDecoder() *FrameDecoder { return &FrameDecoder{fill: newFiller()} }

// warmFrame makes the JSON library compile its decoder for frames.
var warmFrame = sync.OnceFunc(func() {
	_, _ = newFrameDecoder().Decode([]byte(`{"type":"token","id":"","content":"\n"}` + "\n"))
})

// Decode decodes one line, given without its '\n'. The Frame and its strings,
// which point into line, are good until the next Decode or until line's bytes
// change. The error is a [*DecodeError]. As to the byte behind the line, see
// [Decoder.Decode].
func (d *FrameDecoder) Decode(line []byte) (*Frame, error) {
	line = padded(line, &d.tail)
	d.scan.reset(line)
	bad := d.scan.frame()
	d.scan.line = nil
	f := &d.frame
	*f = Frame{}
	if bad != nil {
		return nil, bad
	}
	err := d.fill.fill(line, f)
	switch {
	case f.Type == "":
		return nil, errFrameType
	case !f.known():
		*f = Frame{Type: f.Type}
	case err != nil:
		return nil, errFrameValue
	}
	return f, nil
}
