// Command inferd is the daemon: one warm model on a machine, served to many
// local programs as lines of JSON over a Unix socket or loopback TCP.
//
// See docs/protocol.md for the wire and docs/operations.md for every flag.
package main
