//go:build stdjson

package codec

import "unicode/utf8"

func validUTF8(line []byte) bool { return utf8.Valid(line) }

func newFiller() filler { return stdFiller{} }
