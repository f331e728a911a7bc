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
// Where there are two cores or more and taskset, the server gets one and the
// client another. Nothing is judged by exit code unless --strict: a slow machine
// is not a broken build.
package main
