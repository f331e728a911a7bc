package metrics

import (
	"io"
	"testing"
	"time"
)

func BenchmarkPerToken(b *testing.B) {
	for name, enabled := range map[string]bool{"listening": true, "off": false} {
		b.Run(name, func(b *testing.B) {
			s := New(Options{Enabled: enabled})
			b.ReportAllocs()
			for b.Loop() {
				s.ObserveInterToken(20 * time.Millisecond)
			}
		})
	}
}

func BenchmarkScrape(b *testing.B) {
	s := full()
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Write(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}
