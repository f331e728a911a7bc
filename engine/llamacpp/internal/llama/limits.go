package llama

const (
	// Outside these temperatures, dividing the logits would overflow to NaN.
	minTemperature = 1e-3
	maxTemperature = 100.0
	// maxSequences is llama_max_parallel_sequences of the known versions.
	maxSequences = 256
	// maxPieceBytes bounds the text of one token; the longest in published
	// vocabularies are runs of a few hundred spaces.
	maxPieceBytes = 4096
	// maxTokeniseBytes bounds one native tokeniser call: its lengths are int32.
	maxTokeniseBytes = 1 << 30
	// maxWordRun is what a byte-pair tokeniser is given at once: some split text
	// with a regular expression that recurses once a character, and overflow the
	// stack on 64 KiB of one letter.
	maxWordRun = 8 << 10
	// checkTensorsBelowBytes: files smaller than this have every tensor
	// validated at load (milliseconds); above, it would double the load time.
	checkTensorsBelowBytes = 256 << 20
	// threadpoolParamsWords are the 8-byte words that a ggml_threadpool_params gets.
	threadpoolParamsWords = 128
	// maxLogLineBytes cuts one line of the native log.
	maxLogLineBytes = 512
)
