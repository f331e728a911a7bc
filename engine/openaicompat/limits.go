package openaicompat

import "time"

// Deadlines where Options has none.
const (
	defaultTimeout           = 300 * time.Second // a whole request
	defaultConnectTimeout    = 10 * time.Second  // TCP and TLS
	defaultFirstTokenTimeout = 120 * time.Second // a long prompt, or a model still to be loaded
	defaultIdleTimeout       = 60 * time.Second  // between two events
)

const (
	// maxEventBytes bounds one server-sent event and each of its lines.
	maxEventBytes = 1 << 20
	// maxAnswerBytes bounds a whole answer, streamed or not.
	maxAnswerBytes = 64 << 20
	// maxHeaderBytes bounds an answer's header.
	maxHeaderBytes = 64 << 10
	// maxBadEvents is how many events of one stream may be noise before the stream
	// counts as broken.
	maxBadEvents = 16
	// maxErrorReadBytes is how much of a refusal is read, maxErrorTextBytes how
	// much of it the client sees; the difference lets the redaction see a
	// secret whole that the cut would halve.
	maxErrorReadBytes = 16 << 10
	maxErrorTextBytes = 4096
	// maxRedirects within the upstream's own origin.
	maxRedirects = 3

	// maxIdleConns are kept for reuse, for idleConnTimeout each.
	maxIdleConns    = 64
	idleConnTimeout = 90 * time.Second
	// drainTimeout and drainBytes bound the wait for the end of an answer after
	// its last event; an answer read to its end leaves a connection to reuse.
	drainTimeout = 50 * time.Millisecond
	drainBytes   = 4 << 10

	// probesDown in a row must fail before Ready turns false.
	probesDown = 2
)
