package limits

import (
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"inferd/codec"
)

func TestSize(t *testing.T) {
	f := func(fds, memory uint64, want, got Limits, reserved int) {
		t.Helper()
		s := Size(Host{FDs: fds, Memory: memory, MemorySource: "test"}, want, 0)
		if d := cmp.Diff(got, s.Limits); d != "" || s.ReservedFDs != reserved {
			t.Errorf("Size(%d fds, %s): reserved %d, want %d; (-want +got):\n%s",
				fds, Bytes(memory), s.ReservedFDs, reserved, d)
		}
	}
	// A laptop, a server, a small container, hardly anything, nothing known.
	f(1<<20, 16*gib, Limits{}, Limits{131072, 8 * mib, 4 * gib}, 1024)
	f(20000, 24*gib, Limits{}, Limits{18976, 8 * mib, 4 * gib}, 1024)
	f(1024, 512*mib, Limits{}, Limits{960, 1 * mib, 128 * mib}, 64)
	f(1024, 192*mib, Limits{}, Limits{960, 1 * mib, 64*mib + 64*kib + 1}, 64)
	f(100, 32*mib, Limits{}, Limits{50, 1 * mib, 16 * mib}, 50)
	f(8, 1*mib, Limits{}, Limits{4, 1 * mib, 512 * kib}, 4)
	f(0, 0, Limits{}, Limits{16384, 1 * mib, 512 * mib}, 1024)
	f(1<<30, 1<<50, Limits{}, Limits{1 << 20, 8 * mib, 4 * gib}, 1024)
	// What is asked for is kept, as far as descriptors go.
	f(1024, 16*gib, Limits{100, 5000, 70000}, Limits{100, 5000, 70000}, 64)
	f(1024, 16*gib, Limits{5000, 0, 0}, Limits{960, 8 * mib, 4 * gib}, 64)
}

// TestSize_Engines: connections leave engines what they need for theirs.
func TestSize_Engines(t *testing.T) {
	for engines, want := range map[int]int{0: 960, 100: 860, 5000: 704} {
		if s := Size(Host{FDs: 1024, Memory: 16 * gib}, Limits{}, engines); s.MaxConnections != want {
			t.Errorf("%d descriptors for engines: %d connections, want %d", engines, s.MaxConnections, want)
		}
	}
}

// TestOneLineFits: the least total of input is made for the wire's longest line.
func TestOneLineFits(t *testing.T) {
	if maxLineBytes != codec.MaxLine {
		t.Errorf("sized for lines of %d bytes, the wire has %d", maxLineBytes, codec.MaxLine)
	}
}

func TestString(t *testing.T) {
	s := Size(Host{FDs: 1024, Memory: 3 * gib / 2, MemorySource: "/proc/meminfo"},
		Limits{MaxConnections: 5000}, 0)
	want := "max_connections=960 max_output_bytes=1MiB max_inbound_bytes=384MiB " +
		"(descriptors 1024, 64 reserved; memory 1.5GiB from /proc/meminfo)" +
		"; --max-connections 5000 needs a higher descriptor limit"
	if got := s.String(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := Size(Host{}, Limits{}, 0).String(); !strings.Contains(got, "descriptors unknown") ||
		!strings.Contains(got, "memory unknown, 2GiB assumed") {
		t.Errorf("unknown host: %s", got)
	}
}

func TestBytes(t *testing.T) {
	f := func(n uint64, want string) {
		t.Helper()
		if got := Bytes(n); got != want {
			t.Errorf("Bytes(%d) = %s, want %s", n, got, want)
		}
	}
	f(0, "0B")
	f(1023, "1023B")
	f(1024, "1KiB")
	f(1536, "1.5KiB")
	f(64*mib, "64MiB")
	f(3*gib/2, "1.5GiB")
	f(1<<40, "1024GiB")
}

func TestProbe(t *testing.T) {
	h := Probe()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if h.FDs == 0 || h.FDs != limit.Cur {
		t.Errorf("descriptors = %d, in force are %d", h.FDs, limit.Cur)
	}
	if h.Memory < 16*mib || h.MemorySource == "" {
		t.Errorf("memory = %d from %q", h.Memory, h.MemorySource)
	}
}

func TestRaise(t *testing.T) {
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &before) })
	low := before
	low.Cur = 256
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &low); err != nil {
		t.Fatal(err)
	}
	if got := Raise(); got <= 256 || got > before.Max {
		t.Errorf("Raise = %d, want more than 256 and at most %d", got, before.Max)
	}
}
