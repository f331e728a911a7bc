// Package openaicompat is the engine that asks another server: anything that
// speaks OpenAI's chat completions over HTTP (llama-server, vLLM, Ollama, LM
// Studio, a cloud, or the front of a cluster).
//
// One generation is one POST. Its answer is a stream of server-sent events,
// read on the goroutine that called Generate and handed to the sink as it
// comes; the package keeps at most one event in memory, so a slow client
// back-pressures the upstream. (An answer that is one JSON object, as embeddings
// always are, is kept whole.) The end of the caller's context, an error of the
// sink and every deadline abort the HTTP request.
//
// The upstream is not trusted. Every wait has a deadline of its own (to
// connect, to the first token, between events, in total), every buffer a limit,
// and nothing it says reaches a client uncut, unredacted or with control
// characters. The API key leaves the process in the Authorization header of requests
// to the configured origin and of no others. With https only that origin can read
// it; with plain http everybody on the way can, first of all the proxy that
// HTTP_PROXY names, unless NO_PROXY exempts the host.
//
// Nothing is retried: what has failed is reported, and the router takes
// another backend for the next request. (The one thing sent twice is a request
// that met a kept connection which the upstream had already closed.) With
// Options.ProbeInterval one goroutine asks the upstream regularly whether it is
// there and turns Ready accordingly; without it there is no goroutine besides
// net/http's own.
package openaicompat
