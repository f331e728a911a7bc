// Package mkgguf writes small GGUF v3 model files with seeded random weights:
// real enough for llama.cpp to load and run, small enough to make on the spot in
// a test. It is deterministic: one [Config] gives one sequence of bytes.
//
// The models are of the llama architecture with a byte-fallback vocabulary. They
// talk nonsense by design.
package mkgguf
