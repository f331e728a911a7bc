// Package wire tests the v1 wire of the real binary from outside: the framing,
// what is a request and what is not, admission, errors, slow and vanishing
// clients, shutdown, the backends behind it, and the clients in front of it.
//
// Every scenario follows from docs/protocol.md. Answers are compared byte for
// byte where the protocol fixes the bytes. Tests start no more than two daemons
// at a time each; sizes that take long are used with INFERD_STRESS=1.
package wire
