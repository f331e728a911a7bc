package mkgguf

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
)

const alignment = 32

func align(n uint64) uint64 { return (n + alignment - 1) &^ (alignment - 1) }

// encoder writes GGUF's little-endian values and keeps the first error.
type encoder struct {
	w   io.Writer
	buf []byte
	n   uint64 // bytes so far
	err error
}

const flushAt = 1 << 20

func (e *encoder) raw(b []byte) {
	e.buf = append(e.buf, b...)
	e.n += uint64(len(b))
	if len(e.buf) >= flushAt {
		_ = e.flush() // kept in err
	}
}

func (e *encoder) flush() error {
	if e.err == nil {
		_, e.err = e.w.Write(e.buf)
	}
	e.buf = e.buf[:0]
	return e.err
}

func (e *encoder) pad() { e.raw(make([]byte, align(e.n)-e.n)) }

func (e *encoder) num(values ...any) {
	for _, v := range values {
		b, err := binary.Append(nil, binary.LittleEndian, v)
		if err != nil && e.err == nil {
			e.err = err
		}
		e.raw(b)
	}
}

func (e *encoder) str(s string) {
	e.num(uint64(len(s)))
	e.raw([]byte(s))
}

// Value types of the format.
const (
	typeUint32  = 4
	typeInt32   = 5
	typeFloat32 = 6
	typeBool    = 7
	typeString  = 8
	typeArray   = 9
)

func (e *encoder) value(v any) {
	switch v := v.(type) {
	case uint32:
		e.num(uint32(typeUint32), v)
	case float32:
		e.num(uint32(typeFloat32), v)
	case bool:
		e.num(uint32(typeBool), v)
	case string:
		e.num(uint32(typeString))
		e.str(v)
	case []string:
		e.num(uint32(typeArray), uint32(typeString), uint64(len(v)))
		for _, s := range v {
			e.str(s)
		}
	case []float32:
		e.num(uint32(typeArray), uint32(typeFloat32), uint64(len(v)), v)
	case []int32:
		e.num(uint32(typeArray), uint32(typeInt32), uint64(len(v)), v)
	default:
		panic(fmt.Sprintf("mkgguf: no encoding for %T", v))
	}
}

// tensor writes random weights row by row; muteEnd zeroes the rows of the tokens
// that would end a generation.
func (e *encoder) tensor(t tensor, r *rand.Rand, muteEnd bool) {
	rows := t.elements() / t.ne[0]
	for row := range rows {
		b := t.appendRow(make([]byte, 0, t.ne[0]*4), r)
		if muteEnd && (row == tokenEOT || row == tokenBOS+1) {
			clear(b)
		}
		e.raw(b)
	}
}

func (t tensor) appendRow(b []byte, r *rand.Rand) []byte {
	const block = 32
	half := func(b []byte, f float64) []byte {
		return binary.LittleEndian.AppendUint16(b, float16(float32(f)))
	}
	random := func(b []byte, words int) []byte {
		for range words {
			b = binary.LittleEndian.AppendUint64(b, r.Uint64())
		}
		return b
	}
	switch n := t.ne[0]; {
	case t.ones:
		for range n {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(1))
		}
	case t.typ == F16:
		for range n {
			b = half(b, r.NormFloat64()*t.std)
		}
	case t.typ == Q8_0: // blocks of a half-precision scale and 32 int8
		for range n / block {
			b = random(half(b, t.std*math.Sqrt(3)/127), 4)
		}
	case t.typ == Q4_0: // blocks of a scale and 32 nibbles
		for range n / block {
			b = random(half(b, t.std*math.Sqrt(3)/8), 2)
		}
	default:
		for range n {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(r.NormFloat64()*t.std)))
		}
	}
	return b
}

// float16 gives the bits of an IEEE half, truncating; the weights lie well
// inside its range.
func float16(f float32) uint16 {
	bits := math.Float32bits(f)
	sign, exp, frac := uint16(bits>>16&0x8000), int(bits>>23&0xff)-112, bits&0x7fffff
	switch {
	case exp <= 0:
		return sign
	case exp >= 31:
		return sign | 0x7bff
	}
	return sign | uint16(exp)<<10 | uint16(frac>>13)
}
