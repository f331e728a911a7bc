package serve

import "inferd/codec"

const (
	// maxContentBytes is the longest answer, escaped: its done frame must stay
	// below the wire's cap on lines.
	maxContentBytes = codec.MaxLine - 64<<10

	// pooledBytes is the largest buffer that a pooled request keeps.
	pooledBytes = 64 << 10

	// maxDetailBytes cuts an engine's text before it goes to a client.
	maxDetailBytes = 1 << 10
)
