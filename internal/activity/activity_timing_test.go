package activity

import "testing"

// BenchmarkRequestDone encodes into memory: the buffer is emptied by hand, for
// no disk keeps up with a producer that does nothing else.
func BenchmarkRequestDone(b *testing.B) {
	l := Open(Options{})
	defer l.Close(b.Context())
	e := &RequestDone{
		From: From{Conn: 7, Peer: "unix:1000:42"}, ReqID: "6fa459ea-ee8a-3ca4-894e-db77e160355e",
		Backend: "mock", StopReason: "end", PromptTokens: 12, CompletionTokens: 64,
		QueueWait: 12345, TTFT: 1234567, Duration: 12345678,
	}
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		e.At += 1000 // the caller has read a clock anyway
		l.RequestDone(e)
		if n++; n%64 == 0 { // cheap enough to be part of the figure
			l.file.mu.Lock()
			l.file.buf = l.file.buf[:0]
			l.file.mu.Unlock()
		}
	}
	if l.Dropped() > 0 {
		b.Fatalf("%d dropped", l.Dropped())
	}
}

func BenchmarkQueueFullFlood(b *testing.B) {
	l := Open(Options{Dir: b.TempDir()})
	defer l.Close(b.Context())
	e := &QueueFull{From: From{Conn: 7, Peer: "unix:1000:42"}, ReqID: "r1", Active: 1, Queued: 10}
	b.ReportAllocs()
	for b.Loop() {
		l.QueueFull(e)
	}
}
