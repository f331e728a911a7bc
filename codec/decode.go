package codec

import (
	"math"
	"strings"
)

// Decoder decodes request lines. It belongs to one goroutine.
type Decoder struct {
	scan    scanner
	unquote unquoter
	req     Request
	text    []byte // strings that had escapes; see unescape
}

// unquoter writes what s, the inside of a string that the scan has passed, stands for to
// dst, which has room for len(s) bytes, and returns how many it took; less than 0 if it
// can't.
type unquoter func(dst []byte, s string) int

// NewDecoder returns a Decoder.
func NewDecoder() *Decoder { return &Decoder{unquote: unquote} }

// Decode decodes one line, given without its '\n'. The Request and its strings,
// which point into line, are good until the next Decode or until line's bytes
// change. The error is a [*DecodeError].
//
// Lines of many MiB are for [Decoder.DecodeLong]: sonic's code can't be preempted.
func (d *Decoder) Decode(line []byte) (*Request, error) {
	if len(line) <= usualBytes {
		d.scan.hasBudget = false
		d.req.setDefaults(messagesFor(d.req.Messages, 0))
		if d.usual(line) {
			return d.decoded(nil)
		}
	}
	bad := d.scanAll(line, math.MaxInt)
	if bad == nil && d.scan.escapes {
		d.unescape()
	}
	return d.decoded(bad)
}

// scanAll scans the line, twice if it has very many messages. At turnEnds others get
// their first turn.
func (d *Decoder) scanAll(line []byte, turnEnds int) *DecodeError {
	bad := d.scanLine(line, 0, turnEnds)
	if n := d.scan.messages; bad == nil && n > maxKeptMessages {
		bad = d.scanLine(line, n, turnEnds)
	}
	return bad
}

// scanLine begins a request of its own for the line, with room for so many messages.
func (d *Decoder) scanLine(line []byte, messages, turnEnds int) *DecodeError {
	r := &d.req
	r.setDefaults(messagesFor(r.Messages, messages))
	d.scan.reset(line)
	d.scan.turnEnds = turnEnds
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

// unescape gives the strings that have escapes memory of their own: the line is the
// caller's.
func (d *Decoder) unescape() {
	r := &d.req
	if d.text = d.text[:0]; cap(d.text) > maxKeptText {
		d.text = nil
	}
	d.unescapeString(&r.ID)
	d.unescapeString(&r.Grammar)
	for i := range r.Messages {
		m := &r.Messages[i]
		d.unescapeString(&m.Role)
		d.unescapeString(&m.Content)
	}
}

func (d *Decoder) unescapeString(s *string) {
	if strings.IndexByte(*s, '\\') < 0 {
		return
	}
	if cap(d.text)-len(d.text) < len(*s) {
		// What lies in the old memory stays there.
		d.text = make([]byte, 0, max(2*cap(d.text), len(*s), 1<<10))
	}
	room := d.text[len(d.text) : len(d.text)+len(*s)]
	n := d.unquote(room, *s)
	if n < 0 {
		// The string is good, so this is a quirk of the library's.
		n = goUnquote(room, *s)
	}
	d.text = d.text[:len(d.text)+n]
	*s = view(room[:n])
}
