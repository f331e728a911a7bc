package codec

// filler puts the values of a line that the scan has passed into v, a *Request,
// a *Frame or a *frameType. Keys are case-sensitive; null changes nothing. It may
// use the byte behind the line, and leaves v half done on an error. That error
// may quote the line and keep it alive: it goes no further.
type filler interface {
	fill(line []byte, v any) error
}

// Decoder decodes request lines. It belongs to one goroutine.
type Decoder struct {
	scan scanner
	json filler
	req  Request
}

// NewDecoder returns a Decoder.
func NewDecoder() *Decoder { return &Decoder{json: newFiller()} }

// Warm makes the JSON library compile its decoder for requests, which takes some
// milliseconds. Who does not call it pays with the first line that has an escape.
// It may be called from any goroutine while others decode.
func Warm() {
	_, _ = NewDecoder().Decode([]byte(
		`{"id":"","messages":[{"role":"user","content":"\n"}],"temperature":1,"stream":true}` + "\n"))
}

// Decode decodes one line, given without its '\n'. The Request and its strings,
// which point into line, are good until the next Decode or until line's bytes
// change. The error is a [*DecodeError].
//
// One byte behind the line should be readable, cap(line) > len(line), as it is
// where the '\n' was; a line without it is copied first.
//
// Lines of many MiB are for [Decoder.DecodeLong]: sonic's code can't be preempted.
func (d *Decoder) Decode(line []byte) (*Request, error) {
	line = padded(line)
	if len(line) <= usualBytes {
		d.scan.hasBudget = false
		d.req.setDefaults(messagesFor(d.req.Messages, 0))
		if d.usual(line) {
			return d.decoded(nil)
		}
	}
	bad := d.scanLine(line, 0)
	if bad == nil && d.scan.left {
		bad = d.fill(line)
	}
	return d.decoded(bad)
}

// scanLine begins a request of its own for the line, with room for so many messages.
func (d *Decoder) scanLine(line []byte, messages int) *DecodeError {
	r := &d.req
	r.setDefaults(messagesFor(r.Messages, messages))
	d.scan.reset(line)
	d.scan.req, d.scan.room = r, max(messages, maxKeptMessages)
	bad := d.scan.request()
	d.scan.line = nil // holds on to no line
	return bad
}

// decoded ends a Decode: with bad, or with what has been stored.
func (d *Decoder) decoded(bad *DecodeError) (*Request, error) {
	r := &d.req
	if bad != nil {
		r.setDefaults(messagesFor(r.Messages, 0)) // nor do these strings
		return nil, bad
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

// fill is for lines that the scan has passed but could not store.
func (d *Decoder) fill(line []byte) *DecodeError {
	r := &d.req
	r.setDefaults(messagesFor(r.Messages, d.scan.messages))
	if err := d.json.fill(line, r); err != nil {
		// The line is good, so this is a quirk of the library's: sonic without its
		// JIT, as on arm64, minds 1e999 even under a key that nobody wants.
		clear(r.Messages[:cap(r.Messages)])
		r.setDefaults(r.Messages)
		if err := (stdFiller{}).fill(line, r); err != nil {
			return errSyntax
		}
	}
	return nil
}

// padded returns line with a readable byte behind it, in a copy if need be: a
// filler may read one byte too far. It never makes anything of that byte.
func padded(line []byte) []byte {
	if cap(line) > len(line) {
		return line
	}
	return append(line, '\n')[:len(line)]
}
