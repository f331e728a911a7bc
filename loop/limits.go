package loop

import "time"

// Limits that are not the operator's to choose. Those that are stand in Options.
const (
	// readChunkBytes is how much one read takes: gnet's buffer, one a loop.
	readChunkBytes = 64 << 10

	// inlineLineBytes is the longest line decoded on the loop. Decoding runs at
	// gigabytes a second for plain text and a few hundred MB/s for escaped, so
	// this costs the loop's other connections well under a millisecond.
	inlineLineBytes = 128 << 10

	// pieceBytes is how much of an unfinished line lies in one piece, see stash.
	pieceBytes = 1 << 20

	// pooledBytes is the largest buffer that goes back to a pool: one 64 MiB
	// line must not stay in memory for the rest of the daemon's life.
	pooledBytes = 64 << 10

	// maxDecoders is how many long lines are decoded at once, if that leaves the loops
	// a processor; more wait. One of 64 MiB takes up to a quarter of a second.
	maxDecoders = 2

	// replyBytes is how much the loop collects of immediate answers before it
	// writes them.
	replyBytes = 32 << 10

	// maxUnreadAnswers is the unwritten output from which on no further line of a
	// connection is consumed. It needs no permit to be answered at once, so this
	// times the number of connections is what clients that don't read can fill.
	maxUnreadAnswers = 64 << 10

	// allowanceBytes and lineCost: see allowance. A line that is refused costs as
	// much as some 250 bytes of a longer one, about a microsecond.
	allowanceBytes = 16 << 10
	lineCost       = 256

	// writePieceBytes is the most that one write hands to a socket, and
	// slowPieceBytes likewise while output is pending. A Unix socket frees what a
	// write gave it only when the reader has taken all of that; small pieces let a
	// slow reader's progress be seen.
	writePieceBytes = 32 << 10
	slowPieceBytes  = 4 << 10

	// breatheReads is how many reads the loop does in a row, see breathe.
	breatheReads = 64

	// handyBuffers of at most handyBytes each are what a loop keeps at hand for answers.
	handyBuffers = 2 * breatheReads
	handyBytes   = 4 << 10

	// startTurns is how many turns the workers get for their first tokens before
	// the loop looks for them, see turn.
	startTurns = 2

	// gatherFrom is the number of dirty connections from which on workers get
	// gatherTurns turns before the loop writes, see gather and docs/design.md.
	gatherFrom  = 8
	gatherTurns = 8

	// steppingBatches is how many batches of whole answers it takes until the loop
	// gives no more of those turns; one unfinished answer, and it does again.
	steppingBatches = 64

	// drainRounds is how often the loop looks at its dirty list again before it
	// lets other events have their turn.
	drainRounds = 4

	// lingerTimeout is how long a connection that we close is still read from
	// after the last frame. Closing with unread input makes the kernel send a
	// reset, and the client could lose the frame that says why.
	lingerTimeout = time.Second

	// acceptBackoffMin and acceptBackoffMax bound the wait after a failed
	// accept, e.g. for want of descriptors.
	acceptBackoffMin = 5 * time.Millisecond
	acceptBackoffMax = 500 * time.Millisecond

	// enrolAtOnce is how many accepted connections wait for their loops at once. A
	// busy loop takes all that wait in one turn: one at a time, a thousand new
	// clients would stand in line for seconds.
	enrolAtOnce = 256

	// enrolPatience is how long the acceptor waits for one enrolment before it asks
	// whether the loop is busy, and enrolPatienceMax how long for any loop.
	enrolPatience    = 2 * time.Millisecond
	enrolPatienceMax = 100 * time.Millisecond

	// enrolReserve is how many descriptors are left besides those that enrolling
	// needs, and manyDescriptors how many more than connections may need make
	// counting them unnecessary.
	enrolReserve    = 4
	manyDescriptors = 4096

	// lastCallTime is how long a listener that is closed looks for a further client
	// in the kernel's queue, and lastCallLimit for how long in all: a full queue is
	// accepted in a fraction of that, and those who come without end do not keep a
	// shutdown waiting.
	lastCallTime  = 50 * time.Millisecond
	lastCallLimit = time.Second

	// stuckLimit is how long a shutdown waits for what may stand still: a loop in a
	// handler that does not return, a decoder.
	stuckLimit = 2 * time.Second

	// tickMin and tickMax bound how often deadlines are looked at; within them
	// it is an eighth of the shortest deadline.
	tickMin = 10 * time.Millisecond
	tickMax = 250 * time.Millisecond

	// lateTicks is how many ticks late a look at the deadlines shows that the loop
	// stood still.
	lateTicks = 3
)

// Defaults of Options.
const (
	DefaultMaxLineBytes     = 64 << 20
	DefaultMaxPipelineBytes = 1 << 20
	DefaultMaxOutputBytes   = 1 << 20
	DefaultMaxInboundBytes  = 1 << 30
	DefaultMaxAuthBytes     = 4 << 10
	DefaultMaxConnections   = 1 << 14
)
