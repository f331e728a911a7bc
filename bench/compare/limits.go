package main

import "time"

const (
	// startTimeout bounds a server's way from exec to its listening socket.
	startTimeout = 15 * time.Second
	// startPoll is how often that socket is tried; it bounds the error of the
	// start-up time from above.
	startPoll = 200 * time.Microsecond
	// stopTimeout is waited for a signalled server before it is killed.
	stopTimeout = 12 * time.Second

	// idleConns are held open for the memory of an idle connection.
	idleConns      = 8000
	idleConnsShort = 500

	// crowdIdle connections are silent while crowdStreams are busy. A process
	// needs keptDescriptors besides (the daemon keeps 1024 for itself), and of a
	// limit no more than maxDescriptors is looked at.
	crowdIdle         = 10_000
	crowdStreams      = 1_000
	crowdIdleShort    = 500
	crowdStreamsShort = 100
	crowdBatch        = 500
	keptDescriptors   = 1_200
	maxDescriptors    = 1 << 20

	// allocSettle is waited under load before allocations are counted, and the
	// load goes on for as long after. The span between is such that the
	// allocations of the two scrapes are a small part of the bound.
	allocSettle      = 500 * time.Millisecond
	allocSpanTokens  = 1500 * time.Millisecond
	allocSpanRefused = 6 * time.Second
	// scrapeTimeout bounds one reading of the daemon's metrics.
	scrapeTimeout = 5 * time.Second

	// maxLoops is the largest number of event loops tried: two for each core that
	// the server has at most.
	maxLoops = 16

	// profileTop is how many lines of a profile are kept.
	profileTop = 15

	// pgoConns is the largest number of connections of the runs that the compiler's
	// profile is taken of.
	pgoConns = 1024

	// starvedRate in answers a second is far below what any of the servers does
	// with a core of its own; runs below it are made again, this often at most.
	starvedRate    = 2000
	starvedRetries = 5

	// starts is how often the start-up time is taken.
	starts      = 15
	startsShort = 5
)
