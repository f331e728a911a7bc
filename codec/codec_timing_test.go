package codec

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// benchLine is a request line of about n bytes made of unit.
func benchLine(n int, unit string) []byte {
	const head, tail = `{"id":"r1","messages":[{"role":"user","content":"`, `"}],"max_tokens":8}`
	text := strings.Repeat(unit, max(1, (n-len(head)-len(tail))/len(unit)))
	return lineOf(head + text + tail)
}

// BenchmarkDecode compares the decoder with encoding/json, which checks less, and
// shows its two passes apart.
func BenchmarkDecode(b *testing.B) {
	units := []struct{ name, unit string }{
		{"plain", "The quick brown fox jumps over it. "},
		{"escaped", `The quick \"brown\" fox\njumps over it. `},
		{"japanese", "素早い茶色の狐が怠けた犬を飛び越える。"},
	}
	for _, n := range []int{100, 4 << 10, 1 << 20} {
		for _, u := range units {
			line := benchLine(n, u.unit)
			name := fmt.Sprintf("n=%d/text=%s/", n, u.name)
			run := func(what string, f func() error) {
				b.Run(name+what, func(b *testing.B) {
					b.SetBytes(int64(len(line)))
					b.ReportAllocs()
					for b.Loop() {
						if err := f(); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
			run("encoding_json", func() error {
				var r Request
				return json.Unmarshal(line, &r)
			})
			d := NewDecoder()
			run("decode", func() error {
				_, err := d.Decode(line)
				return err
			})
			run("scan_only", func() error {
				d.req.setDefaults(messagesFor(d.req.Messages, 0))
				d.scan.reset(line)
				d.scan.req, d.scan.room = &d.req, maxKeptMessages
				if bad := d.scan.request(); bad != nil {
					return bad
				}
				return nil
			})
			again := make([]byte, 0, len(line)+1)
			run("decode_long", func() error {
				_, err := d.DecodeLong(append(again[:0], line...))
				return err
			})
			var buf []byte
			run("decode_move", func() error {
				r, err := d.Decode(line)
				if err == nil {
					buf = r.MoveTo(buf)
				}
				return err
			})
		}
	}
}

// BenchmarkToken makes token frames from the pieces a model gives.
func BenchmarkToken(b *testing.B) {
	tokens := [][]byte{
		[]byte("t0"), []byte(" the"), []byte("\n"), []byte(" \"quoted\""), []byte("café"),
		[]byte("hello world, longer"),
	}
	var a Answer
	a.Begin("r1")
	b.Run("append", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			a.content, a.Frames = a.content[:0], a.Frames[:0]
			a.Token(tokens[i%len(tokens)])
		}
	})
	b.Run("append_short", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			a.content, a.Frames = a.content[:0], a.Frames[:0]
			a.Token(tokens[1])
		}
	})
	b.Run("encoding_json", func(b *testing.B) {
		b.ReportAllocs()
		type token struct {
			Type    string `json:"type"`
			ID      string `json:"id"`
			Content string `json:"content"`
		}
		for i := 0; b.Loop(); i++ {
			if _, err := json.Marshal(token{"token", "r1", string(tokens[i%len(tokens)])}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkEscape(b *testing.B) {
	for _, n := range []int{4, 16, 256, 64 << 10} {
		units := map[string]string{"plain": "text ", "code": "\tif a {\n", "cjk": "日本語"}
		for name, unit := range units {
			text := []byte(strings.Repeat(unit, n/len(unit)+1))
			b.Run(fmt.Sprintf("n=%d/text=%s", n, name), func(b *testing.B) {
				b.SetBytes(int64(len(text)))
				b.ReportAllocs()
				var out []byte
				for b.Loop() {
					out = AppendEscaped(out[:0], text)
				}
			})
		}
	}
}

func BenchmarkOtherFrames(b *testing.B) {
	id := AppendQuoted(nil, "r1")
	var out []byte
	var a Answer
	a.Begin("r1")
	a.Add([]byte("alpha beta gamma"))
	run := func(name string, f func()) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f()
			}
		})
	}
	run("done", func() {
		a.Frames = a.Frames[:0]
		a.Done(Usage{1, 3}, "end", "mock")
	})
	run("queue_full", func() { out = AppendQueueFull(out[:0], id, 1500, 4, 10) })
	fd := NewFrameDecoder()
	line := tokenFrame("r1", "alpha ")
	run("decode_token", func() {
		if _, err := fd.Decode(line[:len(line)-1]); err != nil {
			b.Fatal(err)
		}
	})
}

// BenchmarkChunk compares the decoder of upstreams' chunks with encoding/json.
func BenchmarkChunk(b *testing.B) {
	for _, c := range chunkCases {
		if c.name != "openai" && c.name != "escapes" {
			continue
		}
		data := []byte(c.data)
		b.Run(c.name+"/encoding_json", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				var ref refChunk
				if err := json.Unmarshal(data, &ref); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(c.name+"/decode", func(b *testing.B) {
			b.ReportAllocs()
			var d ChunkDecoder
			for b.Loop() {
				if _, ok := d.Decode(data); !ok {
					b.Fatal("not usual")
				}
			}
		})
	}
}
