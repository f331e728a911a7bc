// Package load generates requests for any server that speaks inferd's v1 wire
// and measures the answers.
//
// One goroutine, locked to its thread, runs everything: it owns every
// connection, all counters and all histograms, so that a request costs two
// system calls and no lock. On Linux it sits on epoll; elsewhere, or on request,
// on the net package with a reading goroutine a connection. It reports its own
// use of the processor, how long it waited for one, and how late it sent what was
// due: near a whole core, or kept from its core, its numbers say more about itself
// than about the server, and it warns of that.
//
// In the closed loop every connection sends its next request when the last one
// is answered. In the open loop requests arrive by a schedule that does not wait
// for answers, and every latency counts from the moment the request should have
// been sent, also when all connections were busy then: a server that stalls
// cannot hide it (no "coordinated omission").
//
// Every request that was sent within the measurement, or was on its way when it
// began, is in one count of the result: ended within the measured time, ended
// after it in the drain, or unfinished.
//
// The package never starts, stops or pins a server, and prints nothing.
package load
