package admit

import "testing"

func BenchmarkGate_AdmitRelease(b *testing.B) {
	g := NewGate(1<<20, 0)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		var tk Ticket
		for pb.Next() {
			g.Try(&tk)
			tk.Release()
		}
	})
}

func BenchmarkGate_Reject(b *testing.B) {
	g := NewGate(1, 0)
	var held Ticket
	g.Try(&held)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		var tk Ticket
		for pb.Next() {
			g.Try(&tk)
		}
	})
}

func BenchmarkQueue_PushPop(b *testing.B) {
	q := NewQueue[int](1)
	b.ReportAllocs()
	for b.Loop() {
		q.Push(1)
		q.Pop(nil)
	}
}

func BenchmarkQueue_ChannelBaseline(b *testing.B) {
	q := make(chan int, 1)
	b.ReportAllocs()
	for b.Loop() {
		q <- 1
		<-q
	}
}
