// Package baseline holds the servers that inferd is measured against. Each is
// small, speaks the v1 wire as far as the load generator needs it, answers every
// request with the same eight tokens as the daemon's mock, and is written as a
// good engineer would write that kind of server; none is there to look bad.
//
//   - [Gnet]: raw gnet, a fixed reply without decoding anything, in one write or
//     in nine; the floor that no gnet server can go below. With a one-line reply
//     it is the floor of a refusal.
//   - [Std]: net, a goroutine a connection, encoding/json.
//   - [StdChan]: the same with an engine that streams each request's tokens
//     through a channel of its own.
//   - [Sonic]: net, a goroutine a connection, sonic.
//
// Those that stream frame by frame can be given the delay before each token that
// the daemon's mock has, for comparisons under the same timer.
//
// They share nothing with the daemon but the wire's examples. They have no
// admission, limits, deadlines, logs or cancellation: whatever the daemon costs
// on top of them is the price of having these.
package baseline
