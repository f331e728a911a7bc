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
	q, w := NewQueue[int](), value(1)
	b.ReportAllocs()
	for b.Loop() {
		q.Push(w)
		q.Pop(nil)
	}
}

// BenchmarkQueue_Shared pushes and pops from all cores at once, a hundred values
// waiting, as loops and workers do.
func BenchmarkQueue_Shared(b *testing.B) {
	type item struct {
		w Waiter[*item]
	}
	fresh := func() *item {
		i := new(item)
		i.w.Value = i
		return i
	}
	q := NewQueue[*item]()
	for range 100 {
		q.Push(&fresh().w)
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := fresh(); pb.Next(); {
			q.Push(&i.w)
			i, _ = q.Pop(nil)
		}
	})
}

func BenchmarkQueue_ChannelBaseline(b *testing.B) {
	q := make(chan int, 1)
	b.ReportAllocs()
	for b.Loop() {
		q <- 1
		<-q
	}
}
