package loop

import (
	"net"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// BenchmarkOutbox is a worker's part in a token: the frame goes into the outbox
// of a connection that is on the dirty list already. Each ninth time the loop
// takes what is there, as it does with an answer of eight tokens.
func BenchmarkOutbox(b *testing.B) {
	frame := []byte(`{"type":"token","id":"r1","content":" the"}` + "\n")
	lp := &eventLoop{srv: &Server{opt: Options{MaxOutputBytes: DefaultMaxOutputBytes}}}
	c := &Conn{seat: &seat{lp: lp, maxOutput: 1 << 20}, queued: true}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if err := c.Write(frame); err != nil {
			b.Fatal(err)
		}
		if i%9 == 8 {
			c.mu.Lock()
			out := c.out
			c.out = nil
			c.mu.Unlock()
			recycle(&framePool, out)
		}
	}
}

// BenchmarkDirtyList is a connection's way to its loop and back: pushed by a
// worker, taken and found empty by the loop, which is awake.
func BenchmarkDirtyList(b *testing.B) {
	lp := &eventLoop{srv: new(Server)}
	lp.awake.Store(true)
	conns := make([]Conn, 64)
	for i := range conns {
		conns[i] = Conn{seat: &seat{lp: lp}, dead: true}
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		conns[i%len(conns)].signal(evWritable)
		if i%len(conns) == len(conns)-1 {
			for c := lp.dirty.Swap(nil); c != nil; {
				next := c.link
				lp.serve(c)
				c = next
			}
		}
	}
}

// BenchmarkPools gets a buffer, puts a frame in and gives it back.
func BenchmarkPools(b *testing.B) {
	frame := make([]byte, 400)
	b.Run("bytebufferpool", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			buf := framePool.Get()
			buf.B = append(buf.B, frame...)
			recycle(&framePool, buf)
		}
	})
	b.Run("sync.Pool", func(b *testing.B) {
		pool := sync.Pool{New: func() any { return new([]byte) }}
		b.ReportAllocs()
		for b.Loop() {
			buf := pool.Get().(*[]byte)
			*buf = append((*buf)[:0], frame...)
			pool.Put(buf)
		}
	})
	b.Run("make", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			sink = append([]byte(nil), frame...)
		}
	})
}

var sink []byte

// BenchmarkWake wakes a loop and takes note, as gnet does: a write and a read. The
// socket pair is what does that where there is no eventfd.
func BenchmarkWake(b *testing.B) {
	for name, open := range map[string]func() (int, net.Conn, error){
		"waker":      newWaker,
		"socketpair": func() (int, net.Conn, error) { return wakeSockets() },
	} {
		b.Run(name, func(b *testing.B) {
			fd, nc, err := open()
			if err != nil {
				b.Fatal(err)
			}
			defer unix.Close(fd)
			defer nc.Close()
			lp := &eventLoop{wakeFD: fd}
			buf := make([]byte, readChunkBytes)
			raw, err := nc.(*net.UnixConn).SyscallConn()
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			err = raw.Control(func(below uintptr) {
				for b.Loop() {
					lp.wake()
					if n, err := unix.Read(int(below), buf); n != len(wakeOne) {
						b.Fatal(n, err)
					}
				}
			})
			if err != nil {
				b.Fatal(err)
			}
		})
	}
}
