// Package builtin carries the toy model that inferd serves when it is given no other.
//
// The file is a llama-architecture GGUF of about a million parameters that
// tools/tinymodel trains and writes; nothing else may change it. It knows a few
// capitals, colours, days and small sums, which is enough to see the daemon work
// and to check an answer end to end. It is not an assistant, and every place that
// offers it says so with Note.
//
// The package holds bytes and constants only: it starts nothing, writes nothing
// and imports no engine. Whoever loads the model puts the bytes where the loader
// wants them.
package builtin
