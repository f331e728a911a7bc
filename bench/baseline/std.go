package baseline

import (
	"bufio"
	"context"
	"encoding/json"
	"net"
	"time"
)

// Flush says when a server with a write buffer empties it.
type Flush bool

const (
	FlushOnce  Flush = false // once an answer
	FlushFrame Flush = true  // after every frame, as a server that streams must
)

// Pace is how a server puts its frames on the wire.
type Pace struct {
	Flush Flush
	Delay time.Duration // waited before each token; 0: none
}

// tempo keeps one answer's pace. As in the daemon's mock the next delay begins
// when the last one ends, whatever the token in between takes.
type tempo struct {
	delay time.Duration
	timer *time.Timer // nil: no delay
}

func (p Pace) begin() tempo {
	if p.Delay <= 0 {
		return tempo{}
	}
	return tempo{p.Delay, time.NewTimer(p.Delay)}
}

// wait passes the delay before a token.
func (t tempo) wait() {
	if t.timer != nil {
		<-t.timer.C
		t.timer.Reset(t.delay)
	}
}

// end stops the timer.
func (t tempo) end() {
	if t.timer != nil {
		t.timer.Stop()
	}
}

// writeBufferBytes holds any answer here.
const writeBufferBytes = 4 << 10

// Std is net with a goroutine a connection and encoding/json.
func Std(ctx context.Context, endpoints Endpoints, pace Pace) error {
	return serve(ctx, endpoints, func(conn net.Conn) {
		decoder := json.NewDecoder(conn) // buffers by itself
		out := newFrameWriter(conn)
		for {
			var req request
			if decoder.Decode(&req) != nil {
				return
			}
			tempo := pace.begin()
			for i := range tokens {
				tempo.wait()
				out.frame(newToken(req.ID, i))
				if pace.Flush == FlushFrame {
					out.flush()
				}
			}
			tempo.end()
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
