// Package mock is the engine for tests and load: it computes nothing and emits
// a fixed list of tokens, with the failures and delays it is told to have.
//
// Generate runs on the caller's goroutine and keeps no state between calls.
package mock
