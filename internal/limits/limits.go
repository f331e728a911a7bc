package limits

import (
	"fmt"
	"strconv"
)

const (
	kib = 1 << 10
	mib = 1 << 20
	gib = 1 << 30
)

// Descriptors that connections may not take: listeners, epoll, the log, the
// lock, admin and metrics clients, the connection to each upstream, and the
// duplicate of a half-closed connection's descriptor while its last answer
// drains. A sixteenth of the limit, within these bounds.
const (
	minReservedFDs = 64
	maxReservedFDs = 1024
)

// Memory. An idle connection costs about 1 KiB of the daemon and as much of the
// kernel; connectionBytes is what a busy one may come to on average, so that
// connectionShare of the memory bounds their number.
const (
	connectionBytes = 32 * kib
	connectionShare = 4 // a quarter

	// An outbox holds a client's lag. It must take the longest usual answer as
	// one frame, and a hundred clients that never read must not hurt.
	outputShare    = 2048
	minOutputBytes = 1 * mib
	maxOutputBytes = 8 * mib

	// All unfinished lines together.
	inboundShare    = 4
	maxInboundBytes = 4 * gib

	minConnections = 16
	maxConnections = 1 << 20

	// unknownMemory is assumed where the system does not tell.
	unknownMemory = 2 * gib
)

// MinInboundBytes is the least that a machine gets unless its memory is less than
// twice that or its operator wants less. It lets one client send a line of the longest
// content, the wire's 64 MiB: its newline is charged too, and what the same read brings
// behind it.
const MinInboundBytes = maxLineBytes + readChunkBytes + 1

const (
	maxLineBytes   = 64 * mib // codec.MaxLine
	readChunkBytes = 64 * kib // of the loop
)

// Host is what the process has to live with.
type Host struct {
	FDs          uint64 // descriptor limit; 0 if unknown
	Memory       uint64 // bytes; 0 if unknown
	MemorySource string // where Memory comes from, for people
}

// Limits are what the daemon keeps to. In the argument of [Size] a zero means
// "choose".
type Limits struct {
	MaxConnections  int
	MaxOutputBytes  int64 // unsent output of one connection
	MaxInboundBytes int64 // unfinished request lines of all connections
}

// Sized is the outcome, with what it was made from.
type Sized struct {
	Limits
	Host        Host
	ReservedFDs int
	// Asked is set if more connections were asked for than descriptors are
	// there; MaxConnections is what is possible.
	Asked int
}

// Size fills in the limits that want leaves open:
//
//	connections = min(FDs - reserved, memory / 4 / 32 KiB), 16 to 1,048,576
//	reserved    = FDs / 16, 64 to 1024, and never more than half; besides, what
//	              engines need for their own connections, a quarter at most
//	output      = memory / 2048, 1 MiB to 8 MiB, a connection
//	inbound     = memory / 4, MinInboundBytes to 4 GiB, and never more than half
//
// A wish for more connections than there are descriptors is cut down: a
// daemon that runs out of them can't even refuse.
func Size(h Host, want Limits, engineFDs int) Sized {
	memory := h.Memory
	if memory == 0 {
		memory = unknownMemory
	}
	fds := h.FDs
	if fds == 0 || fds > 4*maxConnections {
		fds = 4 * maxConnections
	}
	reserved := min(clamp(fds/16, minReservedFDs, maxReservedFDs), fds/2)
	reserved += min(uint64(max(engineFDs, 0)), fds/4)
	possible := int(max(fds-reserved, 1))

	s := Sized{Limits: want, Host: h, ReservedFDs: int(reserved)}
	if s.MaxConnections == 0 {
		byMemory := memory / connectionShare / connectionBytes
		s.MaxConnections = int(clamp(byMemory, minConnections, maxConnections))
	} else if s.MaxConnections > possible {
		s.Asked = s.MaxConnections
	}
	s.MaxConnections = min(s.MaxConnections, possible)
	if s.MaxOutputBytes == 0 {
		s.MaxOutputBytes = int64(clamp(memory/outputShare, minOutputBytes, maxOutputBytes))
	}
	if s.MaxInboundBytes == 0 {
		inbound := clamp(memory/inboundShare, MinInboundBytes, maxInboundBytes)
		s.MaxInboundBytes = int64(max(min(inbound, memory/2), 1))
	}
	return s
}

// String is the line for the log at start.
func (s Sized) String() string {
	fds := "unknown"
	if s.Host.FDs > 0 {
		fds = strconv.FormatUint(s.Host.FDs, 10)
	}
	memory := "unknown, " + Bytes(unknownMemory) + " assumed"
	if s.Host.Memory > 0 {
		memory = Bytes(s.Host.Memory) + " from " + s.Host.MemorySource
	}
	text := fmt.Sprintf("max_connections=%d max_output_bytes=%s max_inbound_bytes=%s "+
		"(descriptors %s, %d reserved; memory %s)",
		s.MaxConnections, Bytes(uint64(s.MaxOutputBytes)), Bytes(uint64(s.MaxInboundBytes)),
		fds, s.ReservedFDs, memory)
	if s.Asked > 0 {
		text += fmt.Sprintf("; --max-connections %d needs a higher descriptor limit", s.Asked)
	}
	return text
}

// Bytes shows a size for people, cut to a tenth of its unit.
func Bytes(n uint64) string {
	for _, u := range []struct {
		size uint64
		name string
	}{{gib, "GiB"}, {mib, "MiB"}, {kib, "KiB"}} {
		if n < u.size {
			continue
		}
		text := strconv.FormatUint(n/u.size, 10)
		if tenth := n % u.size * 10 / u.size; tenth > 0 {
			text += "." + strconv.FormatUint(tenth, 10)
		}
		return text + u.name
	}
	return strconv.FormatUint(n, 10) + "B"
}

func clamp(v, low, high uint64) uint64 { return min(max(v, low), high) }
