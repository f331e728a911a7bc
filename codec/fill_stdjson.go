//go:build stdjson

package codec

func newFiller() filler { return stdFiller{} }
