package serve

import "inferd/codec"

const (
	// maxAnswerBytes is the longest answer and id together, escaped: the done
	// frame must stay below the wire's cap on lines. What a frame has besides,
	// an engine's text included, has room in the rest.
	maxAnswerBytes = codec.MaxLine - 64<<10

	// heldBytes is how much of an answer whose rest follows at once is kept back at
	// most, so that it leaves together; see engine.Sink.
	heldBytes = 16 << 10

	// pooledBytes is the largest buffer that a pooled request keeps.
	pooledBytes = 64 << 10

	// keptRequests are at hand on each loop; the rest share a pool.
	keptRequests = 128

	// pooledMessages is the most messages that a pooled request keeps room for.
	pooledMessages = 1 << 10

	// maxDetailBytes cuts an engine's text before it goes to a client.
	maxDetailBytes = 1 << 10

	// maxShownIDBytes cuts a client's id before an operator sees it, as the activity
	// log does.
	maxShownIDBytes = 256
)
