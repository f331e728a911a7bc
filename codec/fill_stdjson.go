//go:build stdjson

package codec

import "unicode/utf8"

func validUTF8(line []byte) bool { return utf8.Valid(line) }

func unquote(dst []byte, s string) int { return goUnquote(dst, s) }

func newFiller() filler { return stdFiller{} }
