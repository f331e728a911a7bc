//go:build !stdjson

package codec

import (
	"unsafe"

	"github.com/bytedance/sonic/decoder"
	sonicunquote "github.com/bytedance/sonic/unquote"
	"github.com/bytedance/sonic/utf8"
)

// validUTF8 is what unicode/utf8.Valid is, ten times as fast on text that is not
// ASCII.
func validUTF8(line []byte) bool { return utf8.Validate(line) }

// unquote is an unquoter that takes 32 bytes at a time.
func unquote(dst []byte, s string) int {
	dst = dst[:0:len(dst)]
	if sonicunquote.IntoBytes(s, &dst) != 0 {
		return -1
	}
	return len(dst)
}

func newFiller() filler { return newSonicFiller() }

// sonicFiller decodes with sonic into strings that alias the line, and allocates
// only for strings with escapes.
//
// Of sonic's own checks only those that it always makes are on. ValidateString
// would check again what the scan has (and repair, where the wire says reject),
// for twice the time on a long line.
type sonicFiller struct{ dec *decoder.Decoder }

func newSonicFiller() *sonicFiller {
	dec := decoder.NewDecoder("")
	dec.SetOptions(decoder.OptionCaseSensitive)
	return &sonicFiller{dec}
}

func (f *sonicFiller) fill(line []byte, v any) error {
	// The string aliases line: sound because sonic only reads it, and because
	// Decode's caller leaves line alone while v's strings are in use.
	f.dec.Reset(unsafe.String(unsafe.SliceData(line), len(line)))
	err := f.dec.Decode(v)
	f.dec.Reset("") // holds on to no line
	return err
}
