package route

import (
	"testing"

	"inferd/engine"
)

func BenchmarkPickDone(b *testing.B) {
	need := func(c engine.Capabilities) bool { return c.V1 }
	run := func(name string, entries ...Entry) {
		b.Run(name, func(b *testing.B) {
			r := mustRouter(b, Options{}, entries...)
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					lease, err := r.Pick(need)
					if err != nil {
						b.Error(err)
						return
					}
					lease.Done(Success)
				}
			})
		})
	}
	run("one", Entry{Name: "a", Engine: newFake()})
	run("weighted",
		Entry{Name: "a", Engine: newFake(), Weight: 3}, Entry{Name: "b", Engine: newFake(), Weight: 1})
}
