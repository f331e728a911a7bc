package llama

const (
	// maxSequences is llama_max_parallel_sequences of the known versions.
	maxSequences = 256
	// maxPieceBytes bounds the text of one token; the longest in published
	// vocabularies are runs of a few hundred spaces.
	maxPieceBytes = 4096
	// maxTokeniseBytes bounds one native tokeniser call: its lengths are int32.
	maxTokeniseBytes = 1 << 30
	// checkTensorsBelowBytes: files smaller than this have every tensor
	// validated at load (milliseconds); above, it would double the load time.
	checkTensorsBelowBytes = 256 << 20
	// maxLogLineBytes cuts one line of the native log.
	maxLogLineBytes = 512
)
