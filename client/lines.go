package client

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// lineReader splits a stream into lines, never holding more than one line and
// never more than the cap.
type lineReader struct {
	r    *bufio.Reader
	long []byte // accumulates a line that outgrew r's buffer
}

func newLineReader(r io.Reader) *lineReader {
	return &lineReader{r: bufio.NewReaderSize(r, readBufferBytes)}
}

// next returns the next line without its newline, valid until the next call.
// At least one readable byte lies behind it, as the decoder requires. At the
// end of the stream it returns an unfinished last line together with io.EOF.
func (l *lineReader) next() ([]byte, error) {
	if cap(l.long) > keepBufferBytes {
		l.long = nil
	}
	l.long = l.long[:0]
	for {
		chunk, err := l.r.ReadSlice('\n')
		if err == nil && len(l.long) == 0 {
			return chunk[:len(chunk)-1], nil
		}
		if len(l.long)+len(chunk) > maxLineBytes+1 {
			return nil, fmt.Errorf("response: %w", ErrTooLarge)
		}
		l.long = append(l.long, chunk...)
		switch {
		case err == nil:
			return l.long[:len(l.long)-1], nil
		case errors.Is(err, bufio.ErrBufferFull):
			// the line goes on
		case errors.Is(err, io.EOF):
			n := len(l.long)
			l.long = append(l.long, '\n')
			return l.long[:n], io.EOF
		default:
			return nil, err
		}
	}
}
