//go:build stdjson

package codec

// filler is the JSON library of this build.
type filler = stdFiller

func newFiller() *filler { return &stdFiller{} }
