// Package llama is a thin binding of libllama and libggml (llama.cpp) by dlopen,
// without cgo.
//
// It owns the knowledge of the C side: where the libraries lie, which versions
// have the struct layout written down here, and who may call what from where.
// llama.cpp keeps process-wide state, so there is one [Library] a process.
//
// Native code can end the process on bad input (a failed assertion can not be
// recovered). The package checks what it can at the boundary; checking files
// and prompt sizes before they get here is the callers' duty, and the
// worker process is the net below.
//
// A [Context] belongs to one goroutine, the decode loop. [Model] methods may be
// called from any.
package llama
