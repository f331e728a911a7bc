// Compare measures inferd against its peers and writes docs/benchmarks.
//
// It builds the daemon, the baseline servers and the load generator, then goes
// round by round through all scenarios; in each, the servers that are to be
// compared run one right after the other, fresh, on the same core, so that
// whatever else the machine does hits them alike. The figure is the server's
// processor time per answered request, which does not depend on how fast the
// client is; a target is a ratio of two such figures, the middle one of the
// rounds.
//
// What is no such ratio has a group of its own: allocations and the time of a
// refusal are read from the daemon's metrics, memory from /proc; two daemons in
// turn show what a crowd of idle connections does to the busy ones. A run whose
// load generator was near its own limits is marked.
//
// Where two cores or more are allowed and there is taskset, the server gets one
// and the client another; the group loops wants four. A report of a part of the
// runs, or of short ones, is only printed, unless --out names a directory. Nothing is
// judged by exit code unless --strict: a slow machine is not a broken build.
package main
