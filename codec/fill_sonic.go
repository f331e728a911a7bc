//go:build !stdjson

package codec

import (
	"unsafe"

	"github.com/bytedance/sonic/decoder"
)

// filler is the JSON library of this build.
type filler = sonicFiller

// sonicFiller decodes with sonic, into strings that alias the line.
type sonicFiller struct{ dec *decoder.Decoder }

func newSonicFiller() *sonicFiller {
	dec := decoder.NewDecoder("")
	// The scan has checked strings already; ValidateString stays on as a second
	// pair of eyes, it costs little.
	dec.SetOptions(decoder.OptionCaseSensitive | decoder.OptionValidateString)
	return &sonicFiller{dec}
}

func newFiller() *filler { return newSonicFiller() }

// fill decodes line into v, a *Request or a *Frame.
//
// sonic's errors quote the line and keep all of it alive: the caller must not
// let them out.
func (f *sonicFiller) fill(line []byte, v any) error {
	// The string aliases line: sound because sonic only reads it, and because
	// the caller promises not to write to line while v's strings are in use.
	f.dec.Reset(unsafe.String(unsafe.SliceData(line), len(line)))
	err := f.dec.Decode(v)
	f.dec.Reset("")
	return err
}
