package codec

import "sync"

// Decoder decodes request lines. It belongs to one goroutine.
type Decoder struct {
	scan scanner
	fill *filler
	req  Request
	tail []byte // stands in for a line with no byte behind it
}

// NewDecoder returns a Decoder whose first Decode is as fast as the others; the
// first one of a process takes some milliseconds for it.
func NewDecoder() *Decoder {
	warmRequest()
	return newDecoder()
}

func newDecoder() *Decoder { return &Decoder{fill: newFiller()} }

// warmRequest makes the JSON library compile its decoder for requests.
var warmRequest = sync.OnceFunc(func() {
	_, _ = newDecoder().Decode([]byte(
		`{"id":"","messages":[{"role":"user","content":"\n"}],"temperature":1,"stream":true}` + "\n"))
})

// Decode decodes one line, given without its '\n'. The Request and its strings,
// which point into line, are good until the next Decode or until line's bytes
// change. The error is a [*DecodeError].
//
// One byte behind the line should be readable, cap(line) > len(line), as it is
// where the '\n' was; a line without it is copied first.
func (d *Decoder) Decode(line []byte) (*Request, error) {
	line = padded(line, &d.tail)
	d.scan.reset(line)
	bad := d.scan.request()
	d.scan.line = nil
	if bad != nil {
		d.req.setDefaults(d.req.Messages)
		return nil, bad
	}

	r := &d.req
	r.setDefaults(messagesFor(r.Messages, d.scan.messages))
	if err := d.fill.fill(line, r); err != nil {
		// All that the scan leaves to the filler is whether a number fits a float64.
		return nil, errRange
	}
	r.HasImageTokenBudget = d.scan.hasBudget
	for i := range r.Messages {
		m := &r.Messages[i]
		if m.Role = constantRole(m.Role); m.Role == "" {
			return nil, errRole
		}
	}
	return r, nil
}

// padded returns line with a readable byte behind it, in *spare if need be.
// sonic may read that byte; it is not part of the line and never used.
func padded(line []byte, spare *[]byte) []byte {
	if cap(line) > len(line) {
		return line
	}
	*spare = append(append((*spare)[:0], line...), '\n')
	return (*spare)[:len(line)]
}
