package loop

import (
	"bytes"
	"runtime"
	"testing"

	"go.uber.org/atomic"
	"pgregory.net/rapid"
)

// TestStash_AgainstModel: whatever comes in whatever parts, it comes out as it was,
// line by line, with a byte to spare, and no byte is looked at twice.
func TestStash_AgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var model []byte
		in := newStash()
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				n := rapid.SampledFrom([]int{1, 10, 500, readChunkBytes, pieceBytes + 1}).Draw(t, "bytes")
				b := bytes.Repeat([]byte{byte(rapid.IntRange('a', 'z').Draw(t, "letter"))}, n)
				if rapid.Bool().Draw(t, "newline") {
					b[rapid.IntRange(0, n-1).Draw(t, "at")] = '\n'
				}
				in.add(b, DefaultMaxLineBytes)
				model = append(model, b...)
			},
			"take a line": func(t *rapid.T) {
				end := in.newline()
				i := bytes.IndexByte(model, '\n')
				if (end < 0) != (i < 0) {
					t.Fatalf("newline at %d, want %d", end, i)
				}
				if end < 0 {
					if in.scanned != len(in.B) {
						t.Fatalf("%d of %d bytes are looked at", in.scanned, len(in.B))
					}
					t.Skip("no line")
				}
				rest := in.B[end+1:]
				line := in.take(end)
				if !bytes.Equal(line, model[:i]) || cap(line) == len(line) {
					t.Fatalf("%d bytes, want %d; room for %d", len(line), i, cap(line))
				}
				model = model[i+1:]
				in = newStash() // as in Server.decodeAside
				if len(rest) > 0 {
					in.add(rest, DefaultMaxLineBytes)
				}
			},
			"": func(t *rapid.T) {
				if in.size() != len(model) {
					t.Fatalf("%d bytes, want %d", in.size(), len(model))
				}
			},
		})
	})
}

// TestStash_GivesTurns: others that wait for the processor run while a long line is put
// together.
func TestStash_GivesTurns(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	const pieces = 20
	in := newStash()
	for range pieces {
		in.add(make([]byte, pieceBytes), DefaultMaxLineBytes)
		in.newline()
	}
	in.add([]byte("\n"), DefaultMaxLineBytes)
	var turns, taken atomic.Int64
	done := make(chan struct{})
	go func() {
		defer close(done)
		for taken.Load() == 0 {
			turns.Inc()
			runtime.Gosched()
		}
	}()
	in.take(in.newline())
	taken.Store(1)
	<-done
	if got := turns.Load(); got < pieces-1 {
		t.Errorf("%d turns", got)
	}
}

// TestStash_GrowsInPieces: a long line is not copied while it comes.
func TestStash_GrowsInPieces(t *testing.T) {
	in := newStash()
	chunk := bytes.Repeat([]byte("x"), readChunkBytes)
	for range 40 * pieceBytes / len(chunk) {
		in.add(chunk, DefaultMaxLineBytes)
		if in.newline() >= 0 {
			t.Fatal("a newline")
		}
		if room := cap(in.B); room > 2*pieceBytes+readChunkBytes {
			t.Fatalf("a piece has room for %d bytes", room)
		}
	}
	if len(in.pieces) < 30 || in.size() != 40*pieceBytes {
		t.Errorf("%d pieces, %d bytes", len(in.pieces), in.size())
	}
}
