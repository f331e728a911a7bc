package codec

// MaxLine is the cap in bytes on a line's content, the '\n' excluded. A reader
// accepts exactly MaxLine; a writer refuses from MaxLine on, one byte earlier.
const MaxLine = 64 << 20

// MaxAuthLine is the cap in bytes on the line with a TCP client's key, the '\n' excluded.
const MaxAuthLine = 4 << 10

const (
	// maxDepth is how deep containers may nest; the line's own object is 1.
	maxDepth = 128

	// maxKeptMessages bounds the Messages array (32 bytes each) that a reused
	// Request keeps from one line to the next. A longer conversation is served
	// from an array of its own, which is then dropped.
	maxKeptMessages = 1024

	// maxKeptText is the most memory, in bytes, that a Decoder keeps for strings that had
	// escapes.
	maxKeptText = 64 << 10

	// usualBytes is the longest line that is tried as a usual one first. One that turns
	// out not to be near its end costs a third more than its scan, 80 ns; that grows
	// with the line, and what there is to gain does not.
	usualBytes = 256

	// pieceBytes of a long line are checked for UTF-8 at once, by code that can't be
	// preempted; that takes some tens of microseconds.
	pieceBytes = 1 << 20

	// turnBytes of a long line are worked on until others get a turn, some 50 µs.
	turnBytes = 64 << 10

	// maxKeyBytes is the longest known key, image_token_budget; an unescaped key
	// is cut above it because it can't match any more.
	maxKeyBytes = len("image_token_budget")
)
