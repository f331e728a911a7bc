package gguf

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// ErrBad says that a file is not a sound GGUF model; the text says where.
var ErrBad = errors.New("not a usable GGUF model")

func bad(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrBad, fmt.Sprintf(format, args...))
}

// reader takes values off the header and keeps the first error; after it, all
// values are zero. left is what the file still has: nothing longer is believed.
type reader struct {
	r    *bufio.Reader
	read int64
	left int64
	err  error
}

func newReader(r io.ReaderAt, size int64) *reader {
	return &reader{
		r:    bufio.NewReaderSize(io.NewSectionReader(r, 0, size), 1<<16),
		left: min(size, maxHeaderBytes),
	}
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = bad(format, args...)
	}
}

// take reads n bytes; the caller has bounded n.
func (r *reader) take(n int64) []byte {
	if r.err != nil {
		return nil
	}
	if n > r.left {
		r.fail("it ends within its header (at byte %d)", r.read)
		return nil
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r.r, b); err != nil {
		r.fail("it can not be read: %v", err)
		return nil
	}
	r.read += n
	r.left -= n
	return b
}

func (r *reader) skip(n int64) {
	if r.err != nil {
		return
	}
	if n > r.left {
		r.fail("it ends within its header (at byte %d)", r.read)
		return
	}
	if _, err := r.r.Discard(int(n)); err != nil {
		r.fail("it can not be read: %v", err)
		return
	}
	r.read += n
	r.left -= n
}

func (r *reader) u32() uint32 {
	if b := r.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (r *reader) u64() uint64 {
	if b := r.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (r *reader) str(limit int64, what string) string {
	n := r.u64()
	if n > uint64(limit) {
		r.fail("%s of %d bytes; at most %d are read", what, n, limit)
	}
	if r.err != nil {
		return ""
	}
	return string(r.take(int64(n)))
}

// Value types of the format.
const (
	typeUint8   = 0
	typeInt8    = 1
	typeUint16  = 2
	typeInt16   = 3
	typeUint32  = 4
	typeInt32   = 5
	typeFloat32 = 6
	typeBool    = 7
	typeString  = 8
	typeArray   = 9
	typeUint64  = 10
	typeInt64   = 11
	typeFloat64 = 12
)

var scalarBytes = map[uint32]int64{
	typeUint8: 1, typeInt8: 1, typeUint16: 2, typeInt16: 2, typeUint32: 4, typeInt32: 4,
	typeFloat32: 4, typeBool: 1, typeUint64: 8, typeInt64: 8, typeFloat64: 8,
}

// value is what the check keeps of a metadata entry.
type value struct {
	typ   uint32
	elem  uint32 // of an array
	count int    // of an array
	num   int64  // of an integer; the bits of a float32
	str   string // of a string
}

func (v value) isInteger() bool {
	switch v.typ {
	case typeUint8, typeInt8, typeUint16, typeInt16, typeUint32, typeInt32, typeUint64, typeInt64:
		return true
	}
	return false
}

// scalar reads a number; a float32 gives its bits, a float64 0, unsigned ones beyond int64
// its maximum.
func (r *reader) scalar(typ uint32) int64 {
	b := r.take(scalarBytes[typ])
	if b == nil {
		return 0
	}
	switch typ {
	case typeUint8, typeBool:
		return int64(b[0])
	case typeInt8:
		return int64(int8(b[0]))
	case typeUint16:
		return int64(binary.LittleEndian.Uint16(b))
	case typeInt16:
		return int64(int16(binary.LittleEndian.Uint16(b)))
	case typeUint32, typeFloat32:
		return int64(binary.LittleEndian.Uint32(b))
	case typeInt32:
		return int64(int32(binary.LittleEndian.Uint32(b)))
	case typeUint64:
		return int64(min(binary.LittleEndian.Uint64(b), math.MaxInt64))
	case typeInt64:
		return int64(binary.LittleEndian.Uint64(b))
	default:
		return 0
	}
}
