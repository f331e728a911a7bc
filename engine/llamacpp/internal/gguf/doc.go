// Package gguf checks a model file before native code sees it. llama.cpp trusts
// much of a file: duplicate tokens, short arrays or zero heads end its process
// instead of failing the load.
//
// The check reads the header (metadata and tensor list) with bounded memory and
// never the weights. What it lets through may still be refused by llama.cpp,
// cleanly. The package is pure: no goroutines, no state.
package gguf
