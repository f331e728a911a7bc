// Package bench measures inferd from the inside: `go test -bench` over a whole
// serving stack in one process, through real sockets, with allocations counted.
//
// The layers have micro benchmarks of their own beside them (admit, codec, loop,
// route, internal/activity). bench/load generates load, bench/baseline has the
// servers to compare with, bench/compare runs daemon and baselines side by side
// and is where claims come from: a single number of a benchmark says nothing on
// a noisy machine, a ratio within one run does.
package bench
