// Package client talks to a running inferd: requests over its inference socket
// (Unix or TCP) and events and commands over its admin socket.
//
//	c, err := client.DialWait(ctx, client.Target{}) // the daemon at the default path
//	...
//	for frame, err := range c.Generate(ctx, client.Request{
//		Messages: []client.Message{{Role: "user", Content: "hi"}},
//	}) {
//		...
//	}
//
// A [Client] is one connection and runs one request at a time; for several at
// once open several. Everything runs on the caller's goroutine; the package keeps
// none of its own.
//
// There is no cancel message on the wire. Cancelling the context or leaving the
// loop before the terminal frame closes the connection, which is how the daemon
// learns of it; that Client is used up afterwards.
//
// The package never retries a request: only dialling waits ([DialWait]).
package client
