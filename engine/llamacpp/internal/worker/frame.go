package worker

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"inferd/engine"
	"inferd/engine/llamacpp/internal/runner"
	"inferd/engine/llamacpp/internal/sched"
)

// A frame is a length (4 bytes, of what follows), a type and a payload, all
// little-endian. Both ends are the same binary, so there are no versions.
const (
	// to the worker
	frameConfig byte = 1 // JSON
	frameStart  byte = 2
	frameCancel byte = 3 // id
	frameStop   byte = 4
	framePing   byte = 5

	// from the worker
	framePhase  byte = 16 // JSON
	frameReady  byte = 17 // JSON
	frameFailed byte = 18 // JSON
	frameEvents byte = 19
	framePong   byte = 20 // counters
	frameLog    byte = 21 // level, text
)

var errFrame = errors.New("malformed frame")

// beginFrame and endFrame bracket the payload appended between them.
func beginFrame(dst []byte, typ byte) []byte { return append(dst, 0, 0, 0, 0, typ) }

func endFrame(frame []byte) []byte {
	binary.LittleEndian.PutUint32(frame, uint32(len(frame)-4))
	return frame
}

// readFrame reads one frame into buf, which grows as needed; the payload is
// valid until the next call with the same buf.
func readFrame(r io.Reader, buf []byte, limit int) (typ byte, payload, grown []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, buf, err
	}
	n := int(binary.LittleEndian.Uint32(head[:])) - 1
	if n < 0 || n > limit {
		return 0, nil, buf, fmt.Errorf("%w: %d bytes, limit %d", errFrame, n, limit)
	}
	if cap(buf) < n {
		buf = make([]byte, n)
	}
	buf = buf[:n]
	_, err = io.ReadFull(r, buf)
	return head[4], buf, buf, err
}

func appendString(dst []byte, s string) []byte {
	return append(binary.LittleEndian.AppendUint32(dst, uint32(len(s))), s...)
}

func appendFloat(dst []byte, f float64) []byte {
	return binary.LittleEndian.AppendUint64(dst, math.Float64bits(f))
}

// decoder takes values off a payload; after a failure it gives zeroes.
type decoder struct {
	b      []byte
	failed bool
}

func (d *decoder) take(n int) []byte {
	if d.failed || n < 0 || n > len(d.b) {
		d.failed = true
		return nil
	}
	out := d.b[:n]
	d.b = d.b[n:]
	return out
}

func (d *decoder) u8() byte {
	if b := d.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (d *decoder) u32() uint32 {
	if b := d.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (d *decoder) u64() uint64 {
	if b := d.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (d *decoder) float() float64 { return math.Float64frombits(d.u64()) }

func (d *decoder) bytes() []byte { return d.take(int(d.u32())) }

func (d *decoder) end() error {
	if d.failed || len(d.b) > 0 {
		return errFrame
	}
	return nil
}

// appendStart appends a whole start frame.
func appendStart(dst []byte, r *runner.Request) []byte {
	dst = beginFrame(dst, frameStart)
	dst = binary.LittleEndian.AppendUint64(dst, r.ID)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(r.MaxTokens))
	s := &r.Sampling
	dst = appendFloat(appendFloat(dst, s.Temperature), s.TopP)
	dst = binary.LittleEndian.AppendUint32(dst, s.TopK)
	dst = binary.LittleEndian.AppendUint32(dst, s.Seed)
	dst = appendString(dst, s.Grammar)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(r.Messages)))
	for _, m := range r.Messages {
		dst = appendString(appendString(dst, m.Role), m.Content)
	}
	return endFrame(dst)
}

// decodeStart copies everything out of the payload.
func decodeStart(payload []byte) (*runner.Request, error) {
	d := &decoder{b: payload}
	r := &runner.Request{ID: d.u64(), MaxTokens: int(d.u32())}
	r.Sampling.Temperature, r.Sampling.TopP = d.float(), d.float()
	r.Sampling.TopK, r.Sampling.Seed = d.u32(), d.u32()
	r.Sampling.Grammar = string(d.bytes())
	n := int(d.u32())
	if n < 0 || n > len(d.b)/8 { // two lengths each
		return nil, errFrame
	}
	r.Messages = make([]engine.Message, n)
	for i := range r.Messages {
		r.Messages[i] = engine.Message{Role: string(d.bytes()), Content: string(d.bytes())}
	}
	return r, d.end()
}

// Flags of an event.
const (
	flagDone = 1 << iota
	flagFull
	flagError   // any error, with its text
	flagRefusal // an *engine.Error, with its kind and text
)

func appendCounters(dst []byte, s sched.Stats) []byte {
	for _, n := range []uint64{s.Steps, s.Tokens, s.PromptTokens, s.CachedPromptTokens} {
		dst = binary.LittleEndian.AppendUint64(dst, n)
	}
	return dst
}

func (d *decoder) counters() sched.Stats {
	return sched.Stats{
		Steps: d.u64(), Tokens: d.u64(), PromptTokens: d.u64(), CachedPromptTokens: d.u64(),
	}
}

// appendEvents appends a whole events frame.
func appendEvents(dst []byte, s sched.Stats, events []sched.Event) []byte {
	dst = appendCounters(beginFrame(dst, frameEvents), s)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(events)))
	for i := range events {
		dst = appendEvent(dst, &events[i])
	}
	return endFrame(dst)
}

func appendEvent(dst []byte, e *sched.Event) []byte {
	dst = binary.LittleEndian.AppendUint64(dst, e.ID)
	var flags byte
	var refusal *engine.Error
	if e.Done {
		flags |= flagDone
	}
	if e.Full {
		flags |= flagFull
	}
	switch {
	case errors.As(e.Err, &refusal):
		flags |= flagRefusal
	case e.Err != nil:
		flags |= flagError
	}
	dst = append(dst, flags)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(e.Text)))
	dst = append(dst, e.Text...)
	if !e.Done {
		return dst
	}
	dst = append(dst, byte(e.Stop))
	dst = binary.LittleEndian.AppendUint32(dst, e.Usage.PromptTokens)
	dst = binary.LittleEndian.AppendUint32(dst, e.Usage.CompletionTokens)
	dst = binary.LittleEndian.AppendUint32(dst, e.Usage.CachedPromptTokens)
	switch {
	case refusal != nil:
		dst = appendString(append(dst, byte(refusal.Kind)), refusal.Text)
	case e.Err != nil:
		dst = appendString(dst, e.Err.Error())
	}
	return dst
}

// decodeEvents appends the frame's events to dst; their texts alias the payload.
func decodeEvents(payload []byte, dst []sched.Event) (sched.Stats, []sched.Event, error) {
	d := &decoder{b: payload}
	stats := d.counters()
	for range d.u32() {
		if d.failed {
			break
		}
		dst = append(dst, d.event())
	}
	return stats, dst, d.end()
}

func (d *decoder) event() sched.Event {
	e := sched.Event{ID: d.u64()}
	flags := d.u8()
	e.Text = d.bytes()
	if e.Done = flags&flagDone != 0; !e.Done {
		return e
	}
	e.Full = flags&flagFull != 0
	e.Stop = engine.StopReason(d.u8())
	e.Usage = engine.Usage{
		PromptTokens: d.u32(), CompletionTokens: d.u32(), CachedPromptTokens: d.u32(),
	}
	switch {
	case flags&flagRefusal != 0:
		e.Err = &engine.Error{Kind: engine.Kind(d.u8()), Text: string(d.bytes())}
	case flags&flagError != 0:
		e.Err = errors.New(string(d.bytes()))
	}
	return e
}

// appendCancel makes a whole cancel frame.
func appendCancel(id uint64) []byte {
	return endFrame(binary.LittleEndian.AppendUint64(beginFrame(nil, frameCancel), id))
}
