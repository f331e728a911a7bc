package openaicompat

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

var errEventTooLarge = errors.New("upstream sent an event larger than 1 MiB")

// eventReader reads the data of server-sent events.
//
// It follows the WHATWG standard, with three differences that servers of this
// API call for: an event at the very end counts without the blank line after
// it, names and ids of events are not looked at, and a lone \r ends no line
// (JSON never holds a raw one).
type eventReader struct {
	source *bufio.Reader
	line   []byte // a line longer than source's buffer; at most maxEventBytes
	data   []byte // the current event; at most maxEventBytes
	began  bool
}

func newEventReader(source *bufio.Reader) *eventReader { return &eventReader{source: source} }

// next gives the data of the next event: its data lines, joined by \n. The
// slice is valid until the next call. At the end it gives io.EOF.
func (r *eventReader) next() ([]byte, error) {
	r.data = r.data[:0]
	pending := false
	for {
		line, err := r.readLine()
		if err != nil {
			if err == io.EOF && pending {
				return r.data, nil
			}
			return nil, err
		}
		if len(line) == 0 {
			if pending {
				return r.data, nil
			}
			continue
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		if string(name) != "data" {
			continue // a comment has the empty name
		}
		if pending {
			r.data = append(r.data, '\n')
		}
		value = bytes.TrimPrefix(value, []byte(" "))
		if len(r.data)+len(value) > maxEventBytes {
			return nil, errEventTooLarge
		}
		r.data = append(r.data, value...)
		pending = true
	}
}

// readLine gives the next line without its end, also a last one that has none.
func (r *eventReader) readLine() ([]byte, error) {
	line, err := r.source.ReadSlice('\n')
	if err == bufio.ErrBufferFull {
		r.line = append(r.line[:0], line...)
		for err == bufio.ErrBufferFull {
			line, err = r.source.ReadSlice('\n')
			if len(r.line)+len(line) > maxEventBytes {
				return nil, errEventTooLarge
			}
			r.line = append(r.line, line...)
		}
		line = r.line
	}
	if err != nil && (err != io.EOF || len(line) == 0) {
		return nil, err
	}
	line = bytes.TrimSuffix(line, []byte("\n"))
	line = bytes.TrimSuffix(line, []byte("\r"))
	if !r.began {
		r.began = true
		line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf")) // byte order mark
	}
	return line, nil
}
