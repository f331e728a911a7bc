package gguf

// The bounds are some ten times what published models have.
const (
	maxKeys          = 1 << 14
	maxTensors       = 1 << 16
	maxKeyBytes      = 1 << 10
	maxStringBytes   = 16 << 20
	maxArrayElements = 1 << 24
	maxHeaderBytes   = 1 << 30
	maxTokens        = 1 << 20
	maxTokenBytes    = 1 << 10
	maxNameBytes     = 63 // GGML_MAX_NAME less its NUL
	maxDims          = 4
	maxAlignment     = 1 << 16
	maxLayers        = 512  // LLAMA_MAX_LAYERS
	maxExperts       = 1024 // llama.cpp aborts beyond
	maxHeads         = 1 << 14
	maxEmbedding     = 1 << 20
	maxContext       = 1 << 27
)
