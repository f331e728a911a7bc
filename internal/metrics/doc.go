// Package metrics counts what the daemon does and shows it to Prometheus.
//
// It owns every series of the inferd_ prefix (see [Catalog]) and the optional
// HTTP listener that serves them. Counters are atomics that the request path
// increments through fields made at start: no name is looked up and nothing is
// allocated there. Histograms take a lock of some twenty nanoseconds and are
// skipped altogether when nobody can read them.
//
// Labels have few, fixed values. No request id, peer, prompt or upstream text
// ever becomes a label.
package metrics
