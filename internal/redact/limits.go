package redact

const (
	// minAuthBytes is the shortest credential behind "authorization: bearer ".
	minAuthBytes = 8

	// minValueBytes is the shortest unquoted value behind "password=". A quoted
	// value counts from its first byte, for its end is certain.
	minValueBytes = 4

	// awsIDBytes follow AKIA or ASIA, no more and no less.
	awsIDBytes = 16

	// lookAheadBytes is how far Cut reads past its limit, so that a secret that
	// begins before the limit is still seen whole. A JSON Web Token longer than
	// this counts as one even though its end is out of sight.
	lookAheadBytes = 4 << 10
)
