package redact

import (
	"strings"
	"testing"
)

var sink string

func BenchmarkString(b *testing.B) {
	for _, c := range []struct{ name, in string }{
		{"short id", "req-000123"},
		{"uuid", "6fa459ea-ee8a-3ca4-894e-db77e160355e"},
		{"peer", "unix:1000:4711"},
		{"prose 1 KiB", strings.Repeat("plain prose and a key. ", 45)},
		{"secret", "sk-abcdefghijklmnop"},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				sink = String(c.in)
			}
		})
	}
}
