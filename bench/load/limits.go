package load

import "time"

const (
	// maxConns bounds the connections of one run; descriptors run out before.
	maxConns = 1 << 20

	// maxBacklog bounds the requests that wait for a free connection in the
	// open loop. What comes on top is counted as dropped, never forgotten.
	maxBacklog = 1 << 20

	// corpusLines is how many different request lines are prepared, and
	// maxCorpusBytes bounds their total size, so that making lines costs
	// nothing during the measurement.
	corpusLines    = 1024
	maxCorpusBytes = 256 << 20

	// MaxPromptBytes keeps a request under the wire's 64 MiB.
	MaxPromptBytes = 60 << 20

	// keptLineBytes is how much of an unfinished response line is kept: enough
	// for any error frame whole and for the type of every other.
	keptLineBytes = 4 << 10

	// readBufferBytes is the buffer that all reads of the epoll loop share.
	readBufferBytes = 256 << 10

	// connectTimeout bounds the opening of one connection before the load begins.
	connectTimeout = 10 * time.Second

	// reopenTimeout bounds it in the middle of a run, when everything else waits
	// meanwhile, and reopenDelay is waited before the next try.
	reopenTimeout = 50 * time.Millisecond
	reopenDelay   = 100 * time.Millisecond

	// goneTimeout is how long a server may take for one more connection at the end
	// of a run that lost all, before it counts as gone.
	goneTimeout = time.Second

	// longestGap bounds the time between two arrivals, which a low rate would
	// take beyond what a duration holds.
	longestGap = 365 * 24 * time.Hour

	// slowestRate and fastestSlowRate bound what a slow reader takes, in bytes a
	// second.
	slowestRate     = 1
	fastestSlowRate = 1 << 30

	// pollInterval is the longest the loop sleeps, so that it notices a
	// cancelled context soon.
	pollInterval = 50 * time.Millisecond

	// progressInterval is the pace of Config.Progress.
	progressInterval = 500 * time.Millisecond

	// maxLatency is the top of the histograms; longer counts as that.
	maxLatency = 10 * time.Minute

	// busyShare of a core is where the generator itself may be the bottleneck.
	busyShare = 0.8

	// starvedShare of the run without a processor, though ready to run, is where
	// others take the generator's time, if it is starvedWait or longer each time:
	// every wake-up costs some 10 us of waiting where the core has other threads,
	// which adds up to a large share without doing harm.
	starvedShare = 0.1
	starvedWait  = 50 * time.Microsecond

	// lateLimit is how far behind their schedule the slowest hundredth of the open
	// loop's requests may be sent before that is part of what is measured.
	lateLimit = 2 * time.Millisecond

	// maxProcesses bounds the server's processes that are read.
	maxProcesses = 4096
)
