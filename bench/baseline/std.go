package baseline

import (
	"bufio"
	"context"
	"encoding/json"
	"net"
)

// Flush says when a server with a write buffer empties it.
type Flush bool

const (
	FlushOnce  Flush = false // once an answer
	FlushFrame Flush = true  // after every frame, as a server that streams must
)

// writeBufferBytes holds any answer here.
const writeBufferBytes = 4 << 10

// Std is net with a goroutine a connection and encoding/json.
func Std(ctx context.Context, endpoints Endpoints, flush Flush) error {
	return serve(ctx, endpoints, func(conn net.Conn) {
		decoder := json.NewDecoder(conn) // buffers by itself
		out := newFrameWriter(conn)
		for {
			var req request
			if decoder.Decode(&req) != nil {
				return
			}
			for i := range tokens {
				out.frame(newToken(req.ID, i))
				if flush == FlushFrame {
					out.flush()
				}
			}
			out.frame(newDone(req.ID))
			if out.flush() != nil {
				return
			}
		}
	})
}

// frameWriter encodes frames into a buffered connection. An error stays: later
// calls do nothing, and flush returns it.
type frameWriter struct {
	buffer  *bufio.Writer
	encoder *json.Encoder
	err     error
}

func newFrameWriter(conn net.Conn) *frameWriter {
	buffer := bufio.NewWriterSize(conn, writeBufferBytes)
	encoder := json.NewEncoder(buffer)
	encoder.SetEscapeHTML(false)
	return &frameWriter{buffer: buffer, encoder: encoder}
}

func (w *frameWriter) frame(v any) {
	if w.err == nil {
		w.err = w.encoder.Encode(v) // ends with a newline
	}
}

func (w *frameWriter) flush() error {
	if w.err == nil {
		w.err = w.buffer.Flush()
	}
	return w.err
}
