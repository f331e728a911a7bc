// Package activity is the daemon's log: one NDJSON file of what happened to
// connections, requests and backends, and compact lines on stderr for people.
//
// It owns the log file and its rotation, the wording of every event, and two
// writer goroutines, one for the file and one for stderr. Whoever logs appends
// an encoded line to a bounded buffer under a short lock and goes on; only the
// writers touch a disk or a terminal. So logging never blocks and, for the
// typed events, never allocates: a full disk, a dead mount or a stuck reader of
// stderr costs log lines, never a request.
//
// # What is lost, and how it shows
//
// While the file cannot be written its lines wait in the buffer and are tried
// again every second. When the buffer is full new lines are dropped and
// counted ([Log.Dropped]), and a log_dropped line with their number follows
// once writing works again.
//
// Clients can cause connection and rejection events at will, so those must not
// push out the lines that matter. Two rules hold for them (see kinds):
// of each such event at most floodLinesPerSecond lines are written a second,
// the rest are summed up in log_suppressed lines; and they may fill only three
// quarters of the buffer, so request_done always has the last quarter.
//
// # What is never logged
//
// Prompts, completions, attachments, tool arguments, keys. Every string value
// is redacted (package redact), cut to a limit and escaped before it becomes
// part of a line, so a line is valid JSON whatever a client sent.
package activity
