// Package route decides which backend gets the next request.
//
// A [Router] holds the configured backends as named entries in order of
// preference and a circuit breaker for each, keyed by the entry's name, so that
// two entries of one adapter never share a verdict. [Router.Pick] takes the
// first entry that is ready, can do what the request needs and whose breaker
// lets it through; neighbouring entries with a weight share their turn by
// smooth weighted round-robin. The [Lease] it returns carries the outcome back:
//
//	closed --3 failures in 60 s--> open --30 s--> half open --probe done--> closed
//	                                ^                 |
//	                                +--probe failed---+
//
// Half open lets exactly one request through, the probe; a probe whose client
// went away hands its turn to the next request. Nothing is ever retried inside
// a request: failover is for the next one.
//
// The package starts no goroutine and sets no timer; it reads the monotonic
// clock only. Everything may be called from any goroutine. While an entry is
// healthy neither Pick nor Done allocates, and only entries with a weight take a
// lock.
package route
